"""The first base of a new service, made of the samples, so that it answers and can be taught at once.

However often this is started, and by however many at once, one base comes of it.
"""

import time
from typing import Final

from rich.console import Console
from rich.markup import escape

from app.answers import JobView
from app.client import Client
from app.client_errors import JobFailed, ServiceUnreachable, failure
from app.console.following import duration, show_progress
from app.lessons import PAGE, SOURCE, Subject
from core.contracts.hyperparameters import PretrainSettings
from core.contracts.jobs import JobKind, JobStatus

PAUSE_SECONDS: Final = 2.0
"""Between two looks for a service that is not there yet."""

LARGE_ENCODER_LR: Final = 4e-5
"""The samples' own rate suits the small encoder alone (docs/how-to/use-another-encoder.md)."""


def ensure_base(
    client: Client, subject: Subject, *, encoder: str, console: Console, pause: float = PAUSE_SECONDS
) -> None:
    """Have a base made if the service has none for the task, and follow that to its end.

    A service that is not there, or cannot queue a job yet, is waited for as long as it takes: its Redis or
    its worker may come up after this.

    Args:
        client: Talks to the service.
        subject: The task and its samples.
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
            return _ensure(client, subject, encoder=encoder, console=console)
        except ServiceUnreachable as error:
            if str(error) != told:
                told = str(error)
                console.print(f"waiting for the service: {escape(told)}")
        time.sleep(pause)


def _ensure(client: Client, subject: Subject, *, encoder: str, console: Console) -> None:
    """Do it against a service that is there."""
    if (base := _base(client, subject)) is not None:
        console.print(f"there is a base for {subject.name}, {base}: nothing to do")
        return
    # Without a base nothing was adapted: the newest page has every job that matters.
    page = client.jobs(task=subject.task.value, limit=PAGE)
    jobs = [job for job in page.jobs if job.kind is JobKind.PRETRAIN]
    waiting = next((job.job_id for job in jobs if not job.status.is_final), None)
    if waiting is not None:
        console.print(f"a base for {subject.name} is being made already")
    else:
        console.print(
            f"there is no base for {subject.name}: making one of {subject.source} with {escape(encoder)}, "
            "quickly (minutes with the embedded encoder on two cores)"
        )
        waiting = _submit(client, subject, encoder=encoder, after=jobs[0].job_id if jobs else "none")
    console.print(f"job {waiting}")
    show_progress(client.events(waiting), console)
    _tell(client.job(waiting), subject, console)


def _base(client: Client, subject: Subject) -> str | None:
    """Return what answers where nothing else does."""
    served = next(one for one in client.languages().tasks if one.task is subject.task)
    return None if served.base is None else served.base.checkpoint_id


def _submit(client: Client, subject: Subject, *, encoder: str, after: str) -> str:
    """Queue the job and return its id; two who do so after the same job get the same one."""
    task = subject.task.value
    dataset, evaluation = (
        client.store_dataset(SOURCE, file, task=task) for file in (subject.source, subject.held_out(SOURCE))
    )
    job = client.pretrain(
        SOURCE,
        dataset,
        task=task,
        evaluation=evaluation,
        idempotency_key=f"first-base-{task}-{after}",
        encoder=encoder,
        settings=_settings(subject, encoder),
    )
    return job.job_id


def _settings(subject: Subject, encoder: str) -> PretrainSettings:
    """Return how to learn in little time."""
    if encoder in {"embedded", "embedded-en"}:
        return subject.settings
    return subject.settings.model_copy(update={"encoder_lr": LARGE_ENCODER_LR})


def _tell(job: JobView, subject: Subject, console: Console) -> None:
    """Tell what came of it, and what to do next."""
    if job.status is JobStatus.CANCELLED:
        console.print("somebody cancelled it: there is no base")
    elif job.status is not JobStatus.SUCCEEDED or job.report is None:
        raise JobFailed(failure(job))
    else:
        console.print(f"base {job.checkpoint_id} was made in {duration(job.report.wall_seconds)} minutes")
        console.print(escape(job.report.decision.reason))
    console.print(
        f"a base of your own, of more data, is better: xmetra pretrain --task {subject.task.value} en FILE"
    )
