"""Creation of the first base of a new service from the samples, so that it can predict and adapt at once.

Repeated and concurrent calls create a single base: they send the same idempotency key until a job fails.
"""

import time
from typing import Final

from rich.console import Console
from rich.markup import escape

from app.cli.demo.scenarios import PAGE_SIZE, SOURCE_LANGUAGE, DemoTask
from app.cli.rendering.job_progress import format_duration, show_progress
from core.contracts.hyperparameters import PretrainSettings
from xmetra_client import FINAL_STATUSES, Client, JobFailed, RetryableError, ServiceUnreachable
from xmetra_client.errors import failure
from xmetra_client.models import JobView

PAUSE_SECONDS: Final = 2.0
"""Pause between two attempts to reach the service."""

LARGE_ENCODER_LR: Final = 4e-5
"""Replaces the demo's own rate, which suits the small encoder only (docs/how-to/use-another-encoder.md)."""


def ensure_base(
    client: Client, demo_task: DemoTask, *, encoder: str, console: Console, pause: float = PAUSE_SECONDS
) -> None:
    """Train a base if the service has none for the task, and show the progress of the job until it ends.

    Retries without limit while the service is unreachable or cannot queue a job: its Redis or its worker
    may start later.

    Args:
        client: Connection to the service.
        demo_task: The task and its samples.
        encoder: Name, hub id or folder of the encoder.
        console: Output.
        pause: Seconds between two attempts.

    Raises:
        JobFailed: The job failed.
        ApiError: The API key is missing, unknown, or lacks a scope.
    """
    last_error = ""
    while True:
        try:
            return _ensure(client, demo_task, encoder=encoder, console=console)
        except (ServiceUnreachable, RetryableError) as error:
            if str(error) != last_error:
                last_error = str(error)
                console.print(f"waiting for the service: {escape(last_error)}")
        time.sleep(pause)


def _ensure(client: Client, demo_task: DemoTask, *, encoder: str, console: Console) -> None:
    """Train a base if the service has none; a single attempt, without retries."""
    if (base_id := _served_base(client, demo_task)) is not None:
        console.print(f"there is a base for {demo_task.name}, {base_id}: nothing to do")
        return
    # Without a base no adaptation is accepted, so the newest page has all relevant jobs.
    page = client.jobs(task=demo_task.task, limit=PAGE_SIZE)
    jobs = [job for job in page.jobs if job.kind == "pretrain"]
    job_id = next((job.job_id for job in jobs if job.status not in FINAL_STATUSES), None)
    if job_id is not None:
        console.print(f"a base for {demo_task.name} is already being trained")
    else:
        console.print(
            f"there is no base for {demo_task.name}: training one on {demo_task.source} "
            f"with {escape(encoder)}, a short run (minutes with the embedded encoder on two cores)"
        )
        job_id = _submit(client, demo_task, encoder=encoder, after=jobs[0].job_id if jobs else "none")
    console.print(f"job {job_id}")
    show_progress(client.events(job_id), console)
    _print_outcome(client.job(job_id).state(), demo_task, console)


def _served_base(client: Client, demo_task: DemoTask) -> str | None:
    """Return the checkpoint id of the task's deployed base; None if there is none."""
    task_models = next(models for models in client.languages().tasks if models.task == demo_task.task)
    return None if task_models.base is None else task_models.base.checkpoint_id


def _submit(client: Client, demo_task: DemoTask, *, encoder: str, after: str) -> str:
    """Queue a job that trains the base, and return its id.

    Args:
        client: Connection to the service.
        demo_task: The task and its samples.
        encoder: Name, hub id or folder of the encoder.
        after: Id of the newest pretraining job, or "none"; concurrent calls with the same value share a job.
    """
    task = demo_task.task
    dataset, evaluation = (
        client.store_dataset(SOURCE_LANGUAGE, file, task=task)
        for file in (demo_task.source, demo_task.held_out(SOURCE_LANGUAGE))
    )
    job = client.pretrain(
        SOURCE_LANGUAGE,
        dataset,
        task=task,
        evaluation=evaluation,
        idempotency_key=f"first-base-{task}-{after}",
        encoder=encoder,
        settings=_settings(demo_task, encoder),
    )
    return job.job_id


def _settings(demo_task: DemoTask, encoder: str) -> PretrainSettings:
    """Return the settings of a short run, at a rate that suits the encoder."""
    if encoder in {"embedded", "embedded-en"}:
        return demo_task.settings
    return demo_task.settings.model_copy(update={"encoder_lr": LARGE_ENCODER_LR})


def _print_outcome(job: JobView, demo_task: DemoTask, console: Console) -> None:
    """Print the outcome of a job that ended, and a hint for the next step.

    Raises:
        JobFailed: The job failed.
    """
    if job.status == "cancelled":
        console.print("the job was cancelled: there is no base")
    elif job.status != "succeeded" or job.report is None:
        raise JobFailed(failure(job))
    else:
        console.print(
            f"base {job.checkpoint_id} was made in {format_duration(job.report.wall_seconds)} minutes"
        )
        console.print(escape(job.report.decision.reason))
    console.print(f"a base trained on more data is better: xmetra pretrain --task {demo_task.task} en FILE")
