"""Scenarios of the demo: its tasks with their sample files, base settings and adaptations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from langcodes import Language
from rich.console import Console

from app.cli.rendering.job_progress import wait_with_progress
from core.contracts.hyperparameters import PretrainSettings, QaPretrainSettings
from core.contracts.jobs import PretrainJob
from core.contracts.values import MTOD, QA, Method, TaskName
from xmetra_client import Client
from xmetra_client.models import JobView

SOURCE_LANGUAGE: Final = "en"
PAGE_SIZE: Final = 100


@dataclass(frozen=True, slots=True)
class DemoRun:
    """An adaptation that is short enough for a demo.

    Attributes:
        language: BCP-47 tag of the target language.
        method: Adaptation method.
        hyperparameters: Hyperparameters of the method that differ from its defaults.
    """

    language: str
    method: Method
    hyperparameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DemoTask:
    """One task of the demo.

    Attributes:
        task: Name of the task.
        name: Description for messages.
        folder: Folder of the sample files.
        extension: Extension of the sample files, without the dot.
        settings: Settings of the base.
        runs: The adaptations, in order.
    """

    task: TaskName
    name: str
    folder: Path
    extension: str
    settings: PretrainSettings
    runs: tuple[DemoRun, ...]

    @property
    def source(self) -> Path:
        """The training file of the base, in English."""
        return self.folder / f"{SOURCE_LANGUAGE}.{self.extension}"

    def few_shot(self, language: str) -> Path:
        """Return the training file of a target language."""
        return self.folder / f"{language}.few-shot.{self.extension}"

    def held_out(self, language: str) -> Path:
        """Return the evaluation file of a language."""
        return self.folder / f"{language}.held-out.{self.extension}"


def demo_tasks(samples: Path) -> tuple[DemoTask, DemoTask]:
    """Return the tasks of the demo: intents and slots, and extractive question answering.

    Args:
        samples: The folder of the sample files.
    """
    utterances = DemoTask(
        task=MTOD,
        name="intents and slots",
        folder=samples / "mtod",
        extension="jsonl",
        # Less than one epoch, in small batches at high rates: a quarter of the default's time.
        settings=PretrainSettings(epochs=0.75, batch_size=8, encoder_lr=3e-4, heads_lr=4e-3),
        runs=(
            # Adapters: a checkpoint of a few megabytes, trained in a few seconds.
            DemoRun("es", Method.FT, {"trainable": "lora", "fine_tune": {"epochs": 1, "min_steps": 30}}),
            # A sixth of the default steps, at twice the default rates and more.
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
        task=QA,
        name="answers to questions",
        folder=samples / "qa",
        extension="json",
        # With a few hundred questions, scores rise only after some hundred steps.
        settings=QaPretrainSettings(epochs=3, batch_size=8, encoder_lr=3e-4, heads_lr=3e-3),
        # Meta-learning takes minutes to improve answers; fine-tuning takes about thirty steps.
        runs=(
            DemoRun(
                "sw",
                Method.FT,
                {"fine_tune": {"epochs": 3, "encoder_lr": 3e-4, "heads_lr": 3e-3, "min_steps": 1}},
            ),
        ),
    )
    return utterances, questions


def find_base(client: Client, demo_task: DemoTask) -> str | None:
    """Return a base trained on exactly the sample files with the current settings; None if there is none."""
    dataset, evaluation = (
        client.store_dataset(SOURCE_LANGUAGE, file, task=demo_task.task)
        for file in (demo_task.source, demo_task.held_out(SOURCE_LANGUAGE))
    )
    expected_request = PretrainJob(
        task=demo_task.task,
        source_language=SOURCE_LANGUAGE,
        dataset_id=dataset.dataset_id,
        evaluation_dataset_id=evaluation.dataset_id,
        settings=demo_task.settings,
    ).model_dump()
    cursor = None
    while True:
        page = client.jobs(status="succeeded", task=demo_task.task, limit=PAGE_SIZE, cursor=cursor)
        for job in page.jobs:
            # As documents: the client parses settings into a class that is not specific to the task.
            if job.request.model_dump() == expected_request and job.checkpoint_id is not None:
                return job.checkpoint_id
        cursor = page.next_cursor
        if cursor is None:
            return None


def make_base(client: Client, demo_task: DemoTask, console: Console) -> str:
    """Train a base, show the progress, and return its checkpoint id.

    Raises:
        JobFailed: The job failed or was cancelled.
    """
    console.print(
        f"1. POST /pretrain: training the English base for {demo_task.name} on {demo_task.source} "
        "(once; later runs reuse it)"
    )
    job = client.pretrain(
        SOURCE_LANGUAGE,
        demo_task.source,
        task=demo_task.task,
        evaluation=demo_task.held_out(SOURCE_LANGUAGE),
        encoder="embedded",  # not the default of the service: the settings suit this one
        settings=demo_task.settings,
    )
    return str(wait_with_progress(job, console).checkpoint_id)


def adapt(
    client: Client,
    demo_task: DemoTask,
    run: DemoRun,
    *,
    base_id: str,
    baselines: Sequence[Method],
    console: Console,
) -> JobView:
    """Adapt a base to a language, show the progress, and return the job after it ended.

    Args:
        client: Connection to the service.
        demo_task: The task and its samples.
        run: The adaptation.
        base_id: Checkpoint id of the base.
        baselines: Methods to train for comparison; the method of the run is left out.
        console: Output.

    Raises:
        JobFailed: The job failed or was cancelled.
    """
    name, few_shot = Language.get(run.language).display_name(), demo_task.few_shot(run.language)
    console.print(
        f"2. POST /adapt: adapting to {name} ({demo_task.name}) with {run.method.value} from {few_shot}"
        " (a short run)"
    )
    job = client.adapt(
        run.language,
        few_shot,
        task=demo_task.task,
        evaluation=demo_task.held_out(run.language),
        base=base_id,
        method=run.method.value,
        hyperparameters=run.hyperparameters,
        baselines=[method.value for method in baselines if method is not run.method] or None,
    )
    return wait_with_progress(job, console)
