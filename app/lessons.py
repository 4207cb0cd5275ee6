"""What the demo teaches: a subject is a task and its samples, with a base and a course for each language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from langcodes import Language
from rich.console import Console

from app.answers import JobView
from app.client import Client
from core.contracts.hyperparameters import PretrainSettings, QaPretrainSettings
from core.contracts.jobs import JobStatus, PretrainJob
from core.contracts.values import Method, TaskName

SOURCE: Final = "en"
PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Course:
    """How a language is taught in a demo's time.

    Attributes:
        language: BCP-47.
        method: What trains it.
        hyperparameters: For that.
    """

    language: str
    method: Method
    hyperparameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """One task of the demo.

    Attributes:
        task: What is learnt.
        name: For people: what it is about.
        folder: Its samples.
        ending: Of their file names.
        settings: How the base is made.
        courses: The languages, in the order they are taught.
    """

    task: TaskName
    name: str
    folder: Path
    ending: str
    settings: PretrainSettings
    courses: tuple[Course, ...]

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
        # Less than one pass, in small batches at high rates: a quarter of the default's time.
        settings=PretrainSettings(epochs=0.75, batch_size=8, encoder_lr=3e-4, heads_lr=4e-3),
        courses=(
            # Adapters: a language in a few megabytes, and in a few seconds.
            Course("es", Method.FT, {"trainable": "lora", "fine_tune": {"epochs": 1, "min_steps": 30}}),
            # A sixth of the default's steps, at twice its rates and more.
            Course(
                "th",
                Method.X_METRA_ADA,
                {
                    "meta": {
                        "meta_train_steps": 20,
                        "meta_adapt_steps": 14,
                        "outer_lr": 5e-4,
                        "heads_outer_lr": 2e-3,
                    }
                },
            ),
        ),
    )
    questions = Subject(
        task=TaskName.QA,
        name="answers to questions",
        folder=samples / "qa",
        ending="json",
        # Nothing is learnt from a few hundred questions in fewer than some hundred steps.
        settings=QaPretrainSettings(epochs=3, batch_size=8, encoder_lr=3e-4, heads_lr=3e-3),
        # Meta-learning of questions takes minutes before it pays, plain fine-tuning some thirty steps.
        courses=(
            Course(
                "sw",
                Method.FT,
                {"fine_tune": {"epochs": 3, "encoder_lr": 3e-4, "heads_lr": 3e-3, "min_steps": 1}},
            ),
        ),
    )
    return utterances, questions


def find_base(client: Client, subject: Subject) -> str | None:
    """Return the base that was made from exactly these examples with today's settings, if there is one."""
    dataset, evaluation = (
        client.store_dataset(SOURCE, file, task=subject.task.value)
        for file in (subject.source, subject.held_out(SOURCE))
    )
    wanted = PretrainJob(
        task=subject.task,
        source_language=SOURCE,
        dataset_id=dataset.dataset_id,
        evaluation_dataset_id=evaluation.dataset_id,
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
    job = client.pretrain(
        SOURCE,
        subject.source,
        task=subject.task.value,
        evaluation=subject.held_out(SOURCE),
        encoder="embedded",  # whatever the service is set to: the settings suit this one
        settings=subject.settings,
    )
    return str(job.wait(progress=True, console=console).checkpoint_id)


def adapt(
    client: Client,
    subject: Subject,
    course: Course,
    *,
    base_id: str,
    baselines: Sequence[Method],
    console: Console,
) -> JobView:
    """Have a language learnt, and return the job as it ended."""
    name, few_shot = Language.get(course.language).display_name(), subject.few_shot(course.language)
    console.print(
        f"2. POST /adapt: teaching it {name} ({subject.name}) by {course.method.value} from {few_shot}"
        " (a short run)"
    )
    job = client.adapt(
        course.language,
        few_shot,
        task=subject.task.value,
        evaluation=subject.held_out(course.language),
        base=base_id,
        method=course.method.value,
        hyperparameters=course.hyperparameters,
        baselines=[method.value for method in baselines if method is not course.method] or None,
    )
    return job.wait(progress=True, console=console)
