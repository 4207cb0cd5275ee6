"""The main job, shown: a service learns Spanish from ten examples an intent, and answers in it.

Everything goes over HTTP, as a stranger's own program would do it; only the starting and stopping of
the service is done from inside.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from app.answers import JobView, MtodPredictions
from app.client import Client
from app.console.display import predictions_table
from app.console.following import follow
from app.console.outcome import JobFailed, failure, show_outcome
from app.console.output import messages, results, write_json
from app.stack import Stack
from core.contracts.examples import MtodExample
from core.contracts.jobs import JobStatus, PretrainJob
from core.contracts.values import Method, TaskName
from core.formats import read_examples

TASK: Final = TaskName.MTOD
SOURCE: Final = "en"
LANGUAGE: Final = "es"
SHOWN: Final = 6
PAGE: Final = 100
SHORT: Final = {
    "meta": {"meta_train_steps": 60, "meta_adapt_steps": 40, "outer_lr": 5e-4, "heads_outer_lr": 2e-3}
}
"""Half of the default's steps, at twice its rates and more: a demo has a minute."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The files the demo uses."""

    folder: Path

    @property
    def source(self) -> Path:
        """English: what the base is made from."""
        return self.folder / "en.jsonl"

    @property
    def few_shot(self) -> Path:
        """Spanish: what there is to learn from."""
        return self.folder / "es.few-shot.jsonl"

    @property
    def held_out(self) -> Path:
        """Spanish: what the models are measured on, and never see."""
        return self.folder / "es.held-out.jsonl"


def run_demo(data: Path, *, samples: Path, baselines: Sequence[Method] = (), as_json: bool = False) -> None:
    """Start the service, make a base if there is none, adapt it to Spanish, show the outcome, stop.

    Args:
        data: The data folder; a base made in it before is used again.
        samples: The folder of the sample files.
        baselines: Other methods to train beside, for comparison.
        as_json: Print the adaptation's record and the predictions as JSON instead.

    Raises:
        JobFailed: The base or the adaptation did not succeed.
    """
    console = messages()
    began = time.monotonic()
    with Stack(data) as stack:
        with console.status("starting Redis, a worker and the API"):
            stack.wait_until_ready()
        console.print(f"the service listens at {stack.url}; its data is in {data}/")
        with Client(stack.url) as client:
            _demonstrate(client, Samples(samples), baselines=baselines, as_json=as_json)
        console.print("stopping everything", style="dim")
    console.print(f"done in {time.monotonic() - began:.0f} seconds", style="dim")


def _demonstrate(client: Client, samples: Samples, *, baselines: Sequence[Method], as_json: bool) -> None:
    """Do the demo against a service that runs."""
    console = messages()
    base_id = find_base(client, samples.source)
    if base_id is None:
        base_id = make_base(client, samples.source, console)
    else:
        console.print(f"1. the English base {base_id} was made from the same data before: used again")
    job = adapt(client, samples, base_id=base_id, baselines=baselines)
    shown = chosen_examples(read_examples(samples.held_out.read_bytes(), name=samples.held_out.name))
    answer = client.predict_mtod([example.text for example in shown], language=LANGUAGE)
    if as_json:
        write_json({"job": job.model_dump(mode="json"), "predictions": answer.model_dump(mode="json")})
        return
    show_outcome(job, as_json=False)
    show_predictions(shown, answer)


def find_base(client: Client, source: Path) -> str | None:
    """Return the base that was made from exactly these examples with today's settings, if there is one."""
    dataset = client.store_dataset(source, task=TASK.value, language=SOURCE)
    wanted = PretrainJob(task=TASK, source_language=SOURCE, dataset_id=dataset.dataset_id)
    cursor = None
    while True:
        page = client.jobs(status=JobStatus.SUCCEEDED.value, task=TASK.value, limit=PAGE, cursor=cursor)
        for job in page.jobs:
            if job.request == wanted and job.checkpoint_id is not None:
                return job.checkpoint_id
        cursor = page.next_cursor
        if cursor is None:
            return None


def make_base(client: Client, source: Path, console: Console) -> str:
    """Have a base made, and return its id."""
    console.print(f"1. making the English base from {source} (once; later runs use it again)")
    fields = {"task": TASK.value, "source_language": SOURCE}
    accepted = client.pretrain(fields, files={"examples": source})
    job = follow(client, accepted.job_id, console)
    if job.status is not JobStatus.SUCCEEDED or job.checkpoint_id is None:
        raise JobFailed(failure(job))
    return job.checkpoint_id


def adapt(client: Client, samples: Samples, *, base_id: str, baselines: Sequence[Method]) -> JobView:
    """Have Spanish learnt, and return the job as it ended."""
    console = messages()
    console.print(f"2. POST /adapt: teaching it Spanish from {samples.few_shot} (a short run)")
    fields = {
        "task": TASK.value,
        "language": LANGUAGE,
        "base": base_id,
        "hyperparameters": SHORT,
        "baselines": [method.value for method in baselines] or None,
    }
    files = {"examples": samples.few_shot, "evaluation": samples.held_out}
    job = follow(client, client.adapt(fields, files=files).job_id, console)
    if job.status is not JobStatus.SUCCEEDED:
        raise JobFailed(failure(job))
    return job


def chosen_examples(examples: Sequence[MtodExample]) -> list[MtodExample]:
    """Return a few examples of different intents, those with most slots first; always the same ones."""
    richest: dict[str, MtodExample] = {}
    for example in sorted(examples, key=lambda one: (-len(one.slots), one.text)):
        richest.setdefault(example.intent, example)
    return list(richest.values())[:SHOWN]


def show_predictions(examples: Sequence[MtodExample], answer: MtodPredictions) -> None:
    """Print what the service now says to utterances it never saw, and whether that is right."""
    console = results()
    console.print("\n3. POST /predict/mtod: held-out utterances, as the service now understands them\n")
    right = [
        example.intent == prediction.intent.name
        and {(slot.slot, slot.start, slot.end) for slot in example.slots}
        == {(slot.slot, slot.start, slot.end) for slot in prediction.slots}
        for example, prediction in zip(examples, answer.predictions, strict=True)
    ]
    console.print(predictions_table(answer.predictions, right=right))
