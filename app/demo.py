"""The main job, shown: a service learns three languages from ten examples an intent, and answers in them.

Everything goes over HTTP, as a stranger's own program would do it; only the starting and stopping of
the service is done from inside.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from langcodes import Language
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
LANGUAGES: Final = ("es", "th", "sw")
SHOWN: Final = 3
USUAL_SLOTS: Final = 2
PAGE: Final = 100
SHORT: Final = {
    "meta": {"meta_train_steps": 20, "meta_adapt_steps": 14, "outer_lr": 5e-4, "heads_outer_lr": 2e-3}
}
"""A sixth of the default's steps, at twice its rates and more: a demo has half a minute a language."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The files the demo uses."""

    folder: Path

    @property
    def source(self) -> Path:
        """English: what the base is made from."""
        return self.folder / "en.jsonl"

    def few_shot(self, language: str) -> Path:
        """Return what there is to learn a language from."""
        return self.folder / f"{language}.few-shot.jsonl"

    def held_out(self, language: str) -> Path:
        """Return what the models of a language are measured on, and never see."""
        return self.folder / f"{language}.held-out.jsonl"


def run_demo(data: Path, *, samples: Path, baselines: Sequence[Method] = (), as_json: bool = False) -> None:
    """Start the service, make a base if there is none, adapt it to each language, show what came of it, stop.

    Args:
        data: The data folder; a base made in it before is used again.
        samples: The folder of the sample files.
        baselines: Other methods to train beside, for comparison.
        as_json: Print the records of the adaptations and the predictions as JSON instead.

    Raises:
        JobFailed: The base or an adaptation did not succeed.
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
    lessons = [
        teach(client, samples, language, base_id=base_id, baselines=baselines, as_json=as_json)
        for language in LANGUAGES
    ]
    if as_json:
        write_json({lesson.language: lesson.as_json() for lesson in lessons})
        return
    results().print("\n3. POST /predict/mtod: held-out utterances, as the service now understands them")
    for lesson in lessons:
        show_predictions(lesson.shown, lesson.answer)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What came of one language.

    Attributes:
        language: BCP-47.
        job: The adaptation as it ended.
        shown: Held-out examples.
        answer: What the service then said to them.
    """

    language: str
    job: JobView
    shown: Sequence[MtodExample]
    answer: MtodPredictions

    def as_json(self) -> dict[str, Any]:
        """Return the record of the adaptation and the predictions."""
        return {"job": self.job.model_dump(mode="json"), "predictions": self.answer.model_dump(mode="json")}


def teach(
    client: Client,
    samples: Samples,
    language: str,
    *,
    base_id: str,
    baselines: Sequence[Method],
    as_json: bool,
) -> Lesson:
    """Have a language learnt, show what that brought, and ask for some predictions."""
    job = adapt(client, samples, language, base_id=base_id, baselines=baselines)
    if not as_json:
        show_outcome(job, as_json=False)
    held_out = samples.held_out(language)
    shown = chosen_examples(read_examples(held_out.read_bytes(), name=held_out.name))
    answer = client.predict_mtod([example.text for example in shown], language=language)
    return Lesson(language, job, shown, answer)


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


def adapt(
    client: Client, samples: Samples, language: str, *, base_id: str, baselines: Sequence[Method]
) -> JobView:
    """Have a language learnt, and return the job as it ended."""
    console = messages()
    name = Language.get(language).display_name()
    console.print(f"2. POST /adapt: teaching it {name} from {samples.few_shot(language)} (a short run)")
    fields = {
        "task": TASK.value,
        "language": language,
        "base": base_id,
        "hyperparameters": SHORT,
        "baselines": [method.value for method in baselines] or None,
    }
    files = {"examples": samples.few_shot(language), "evaluation": samples.held_out(language)}
    job = follow(client, client.adapt(fields, files=files).job_id, console)
    if job.status is not JobStatus.SUCCEEDED:
        raise JobFailed(failure(job))
    return job


def chosen_examples(examples: Sequence[MtodExample]) -> list[MtodExample]:
    """Return a few examples of different intents with about two slots each; always the same ones."""
    usual: dict[str, MtodExample] = {}
    for example in sorted(examples, key=lambda one: (abs(len(one.slots) - USUAL_SLOTS), one.text)):
        usual.setdefault(example.intent, example)
    return list(usual.values())[:SHOWN]


def show_predictions(examples: Sequence[MtodExample], answer: MtodPredictions) -> None:
    """Print what the service now says to utterances it never saw, and whether that is right."""
    right = [
        example.intent == prediction.intent.name
        and {(slot.slot, slot.start, slot.end) for slot in example.slots}
        == {(slot.slot, slot.start, slot.end) for slot in prediction.slots}
        for example, prediction in zip(examples, answer.predictions, strict=True)
    ]
    results().print()
    results().print(predictions_table(answer.predictions, right=right))
