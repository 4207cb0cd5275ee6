"""What the demo teaches: a subject is a task with its samples, and each has a base and some languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from langcodes import Language
from rich.console import Console

from app.answers import JobView
from app.client import Client
from app.console.following import follow
from app.console.outcome import JobFailed, failure
from core.contracts.hyperparameters import PretrainSettings, QaPretrainSettings
from core.contracts.jobs import JobStatus, PretrainJob
from core.contracts.values import Method, TaskName

SOURCE: Final = "en"
PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Subject:
    """One task of the demo.

    Attributes:
        task: What is learnt.
        name: For people: what it is about.
        folder: Its samples.
        ending: Of their file names.
        languages: BCP-47, in the order they are taught.
        settings: How the base is made.
        hyperparameters: How a language is adapted, in a demo's time.
    """

    task: TaskName
    name: str
    folder: Path
    ending: str
    languages: tuple[str, ...]
    settings: PretrainSettings
    hyperparameters: Mapping[str, Any]

    @property
    def source(self) -> Path:
        """English: what the base is made from."""
        return self.folder / f"{SOURCE}.{self.ending}"

    def few_shot(self, language: str) -> Path:
        """Return what there is to learn a language from."""
        return self.folder / f"{language}.few-shot.{self.ending}"

    def held_out(self, language: str) -> Path:
        """Return what the models of a language are measured on, and never see."""
        return self.folder / f"{language}.held-out.{self.ending}"


def subjects(samples: Path) -> tuple[Subject, Subject]:
    """Return what the demo can teach: utterances, and questions.

    Args:
        samples: The folder of the sample files.
    """
    utterances = Subject(
        task=TaskName.MTOD,
        name="intents and slots",
        folder=samples / "mtod",
        ending="jsonl",
        languages=("es", "th", "sw"),
        settings=PretrainSettings(),
        # A sixth of the default's steps, at twice its rates and more: a demo has half a minute a language.
        hyperparameters={
            "meta": {
                "meta_train_steps": 20,
                "meta_adapt_steps": 14,
                "outer_lr": 5e-4,
                "heads_outer_lr": 2e-3,
            }
        },
    )
    questions = Subject(
        task=TaskName.QA,
        name="answers to questions",
        folder=samples / "qa",
        ending="json",
        languages=("sw",),
        # A few hundred questions need small batches, or there are too few steps to learn from.
        settings=QaPretrainSettings(epochs=3, batch_size=4, heads_lr=2e-3),
        hyperparameters={"meta": {"meta_train_steps": 14, "meta_adapt_steps": 8}},
    )
    return utterances, questions


def find_base(client: Client, subject: Subject) -> str | None:
    """Return the base that was made from exactly these examples with today's settings, if there is one."""
    dataset = client.store_dataset(subject.source, task=subject.task.value, language=SOURCE)
    wanted = PretrainJob(
        task=subject.task,
        source_language=SOURCE,
        dataset_id=dataset.dataset_id,
        settings=subject.settings,
    ).model_dump()
    cursor = None
    while True:
        page = client.jobs(
            status=JobStatus.SUCCEEDED.value, task=subject.task.value, limit=PAGE, cursor=cursor
        )
        for job in page.jobs:
            # Of what they say, not of their classes: settings that were read back have no task.
            if job.request.model_dump() == wanted and job.checkpoint_id is not None:
                return job.checkpoint_id
        cursor = page.next_cursor
        if cursor is None:
            return None


def make_base(client: Client, subject: Subject, console: Console) -> str:
    """Have a base made, and return its id."""
    console.print(
        f"1. making the English base for {subject.name} from {subject.source} (once; later runs use it again)"
    )
    fields = {
        "task": subject.task.value,
        "source_language": SOURCE,
        "settings": subject.settings.model_dump(mode="json"),
    }
    accepted = client.pretrain(fields, files={"examples": subject.source})
    job = follow(client, accepted.job_id, console)
    if job.status is not JobStatus.SUCCEEDED or job.checkpoint_id is None:
        raise JobFailed(failure(job))
    return job.checkpoint_id


def adapt(
    client: Client,
    subject: Subject,
    language: str,
    *,
    base_id: str,
    baselines: Sequence[Method],
    console: Console,
) -> JobView:
    """Have a language learnt, and return the job as it ended."""
    name = Language.get(language).display_name()
    console.print(
        f"2. POST /adapt: teaching it {name} ({subject.name}) from {subject.few_shot(language)} (a short run)"
    )
    fields = {
        "task": subject.task.value,
        "language": language,
        "base": base_id,
        "hyperparameters": subject.hyperparameters,
        "baselines": [method.value for method in baselines] or None,
    }
    files = {"examples": subject.few_shot(language), "evaluation": subject.held_out(language)}
    job = follow(client, client.adapt(fields, files=files).job_id, console)
    if job.status is not JobStatus.SUCCEEDED:
        raise JobFailed(failure(job))
    return job
