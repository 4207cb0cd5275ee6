"""The first base of a new service, made of the samples, so that it answers and can be taught at once.

However often this is started, and by however many at once, one base comes of it.
"""

import time
from typing import Final

from rich.console import Console
from rich.markup import escape

from app.cli.demo.scenarios import PAGE, SOURCE, DemoTask
from app.cli.rendering.job_progress import duration, show_progress
from app.client.errors import JobFailed, ServiceUnreachable, failure
from app.client.sync_client import Client
from app.schemas.responses import JobView
from core.contracts.hyperparameters import PretrainSettings
from core.contracts.jobs import JobKind, JobStatus

PAUSE_SECONDS: Final = 2.0
"""Between two looks for a service that is not there yet."""

LARGE_ENCODER_LR: Final = 4e-5
"""The samples' own rate suits the small encoder alone (docs/how-to/use-another-encoder.md)."""


def ensure_base(
    client: Client, demo_task: DemoTask, *, encoder: str, console: Console, pause: float = PAUSE_SECONDS
) -> None:
    """Have a base made if the service has none for the demo_task, and follow that to its end.

    A service that is not there, or cannot queue a job yet, is waited for as long as it takes: its Redis or
    its worker may come up after this.

    Args:
        client: Talks to the service.
        demo_task: The task and its samples.
        encoder: What reads the text.
        console: Where everything is told.
        pause: Seconds between two attempts.

    Raises:
        JobFailed: The job did.
        RequestRefused: The service wants a key, or another one.
    """
    told = ""
    while True:
        try:
            return _ensure(client, demo_task, encoder=encoder, console=console)
        except ServiceUnreachable as error:
            if str(error) != told:
                told = str(error)
                console.print(f"waiting for the service: {escape(told)}")
        time.sleep(pause)


def _ensure(client: Client, demo_task: DemoTask, *, encoder: str, console: Console) -> None:
    """Do it against a service that is there."""
    if (base := _base(client, demo_task)) is not None:
        console.print(f"there is a base for {demo_task.name}, {base}: nothing to do")
        return
    # Without a base nothing was adapted: the newest page has every job that matters.
    page = client.jobs(task=demo_task.task.value, limit=PAGE)
    jobs = [job for job in page.jobs if job.kind is JobKind.PRETRAIN]
    waiting = next((job.job_id for job in jobs if not job.status.is_final), None)
    if waiting is not None:
        console.print(f"a base for {demo_task.name} is being made already")
    else:
        console.print(
            f"there is no base for {demo_task.name}: making one of {demo_task.source} "
            f"with {escape(encoder)}, "
            "quickly (minutes with the embedded encoder on two cores)"
        )
        waiting = _submit(client, demo_task, encoder=encoder, after=jobs[0].job_id if jobs else "none")
    console.print(f"job {waiting}")
    show_progress(client.events(waiting), console)
    _tell(client.job(waiting), demo_task, console)


def _base(client: Client, demo_task: DemoTask) -> str | None:
    """Return what answers where nothing else does."""
    served = next(one for one in client.languages().tasks if one.task is demo_task.task)
    return None if served.base is None else served.base.checkpoint_id


def _submit(client: Client, demo_task: DemoTask, *, encoder: str, after: str) -> str:
    """Queue the job and return its id; two who do so after the same job get the same one."""
    task = demo_task.task.value
    dataset, evaluation = (
        client.store_dataset(SOURCE, file, task=task)
        for file in (demo_task.source, demo_task.held_out(SOURCE))
    )
    job = client.pretrain(
        SOURCE,
        dataset,
        task=task,
        evaluation=evaluation,
        idempotency_key=f"first-base-{task}-{after}",
        encoder=encoder,
        settings=_settings(demo_task, encoder),
    )
    return job.job_id


def _settings(demo_task: DemoTask, encoder: str) -> PretrainSettings:
    """Return how to learn in little time."""
    if encoder in {"embedded", "embedded-en"}:
        return demo_task.settings
    return demo_task.settings.model_copy(update={"encoder_lr": LARGE_ENCODER_LR})


def _tell(job: JobView, demo_task: DemoTask, console: Console) -> None:
    """Tell what came of it, and what to do next."""
    if job.status is JobStatus.CANCELLED:
        console.print("somebody cancelled it: there is no base")
    elif job.status is not JobStatus.SUCCEEDED or job.report is None:
        raise JobFailed(failure(job))
    else:
        console.print(f"base {job.checkpoint_id} was made in {duration(job.report.wall_seconds)} minutes")
        console.print(escape(job.report.decision.reason))
    console.print(
        f"a base of your own, of more data, is better: xmetra pretrain --task {demo_task.task.value} en FILE"
    )
