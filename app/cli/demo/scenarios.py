"""What the demo teaches: a task is a task and its samples, with a base and a run for each language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from langcodes import Language
from rich.console import Console

from app.client.sync_client import Client
from app.schemas.responses import JobView
from core.contracts.hyperparameters import PretrainSettings, QaPretrainSettings
from core.contracts.jobs import JobStatus, PretrainJob
from core.contracts.values import Method, TaskName

SOURCE: Final = "en"
PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class DemoRun:
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
class DemoTask:
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
    courses: tuple[DemoRun, ...]

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


def demo_tasks(samples: Path) -> tuple[DemoTask, DemoTask]:
    """Return what the demo can teach: utterances, and questions.

    Args:
        samples: The folder of the sample files.
    """
    utterances = DemoTask(
        task=TaskName.MTOD,
        name="intents and slots",
        folder=samples / "mtod",
        ending="jsonl",
        # Less than one pass, in small batches at high rates: a quarter of the default's time.
        settings=PretrainSettings(epochs=0.75, batch_size=8, encoder_lr=3e-4, heads_lr=4e-3),
        courses=(
            # Adapters: a language in a few megabytes, and in a few seconds.
            DemoRun("es", Method.FT, {"trainable": "lora", "fine_tune": {"epochs": 1, "min_steps": 30}}),
            # A sixth of the default's steps, at twice its rates and more.
            DemoRun(
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
    questions = DemoTask(
        task=TaskName.QA,
        name="answers to questions",
        folder=samples / "qa",
        ending="json",
        # Nothing is learnt from a few hundred questions in fewer than some hundred steps.
        settings=QaPretrainSettings(epochs=3, batch_size=8, encoder_lr=3e-4, heads_lr=3e-3),
        # Meta-learning of questions takes minutes before it pays, plain fine-tuning some thirty steps.
        courses=(
            DemoRun(
                "sw",
                Method.FT,
                {"fine_tune": {"epochs": 3, "encoder_lr": 3e-4, "heads_lr": 3e-3, "min_steps": 1}},
            ),
        ),
    )
    return utterances, questions


def find_base(client: Client, demo_task: DemoTask) -> str | None:
    """Return the base that was made from exactly these examples with today's settings, if there is one."""
    dataset, evaluation = (
        client.store_dataset(SOURCE, file, task=demo_task.task.value)
        for file in (demo_task.source, demo_task.held_out(SOURCE))
    )
    wanted = PretrainJob(
        task=demo_task.task,
        source_language=SOURCE,
        dataset_id=dataset.dataset_id,
        evaluation_dataset_id=evaluation.dataset_id,
        settings=demo_task.settings,
    ).model_dump()
    cursor = None
    while True:
        page = client.jobs(
            status=JobStatus.SUCCEEDED.value, task=demo_task.task.value, limit=PAGE, cursor=cursor
        )
        for job in page.jobs:
            # Of what they say, not of their classes: settings that were read back have no demo_task.
            if job.request.model_dump() == wanted and job.checkpoint_id is not None:
                return job.checkpoint_id
        cursor = page.next_cursor
        if cursor is None:
            return None


def make_base(client: Client, demo_task: DemoTask, console: Console) -> str:
    """Have a base made, and return its id."""
    console.print(
        f"1. making the English base for {demo_task.name} from {demo_task.source} "
        "(once; later runs use it again)"
    )
    job = client.pretrain(
        SOURCE,
        demo_task.source,
        task=demo_task.task.value,
        evaluation=demo_task.held_out(SOURCE),
        encoder="embedded",  # whatever the service is set to: the settings suit this one
        settings=demo_task.settings,
    )
    return str(job.wait(progress=True, console=console).checkpoint_id)


def adapt(
    client: Client,
    demo_task: DemoTask,
    run: DemoRun,
    *,
    base_id: str,
    baselines: Sequence[Method],
    console: Console,
) -> JobView:
    """Have a language learnt, and return the job as it ended."""
    name, few_shot = Language.get(run.language).display_name(), demo_task.few_shot(run.language)
    console.print(
        f"2. POST /adapt: teaching it {name} ({demo_task.name}) by {run.method.value} from {few_shot}"
        " (a short run)"
    )
    job = client.adapt(
        run.language,
        few_shot,
        task=demo_task.task.value,
        evaluation=demo_task.held_out(run.language),
        base=base_id,
        method=run.method.value,
        hyperparameters=run.hyperparameters,
        baselines=[method.value for method in baselines if method is not run.method] or None,
    )
    return job.wait(progress=True, console=console)
