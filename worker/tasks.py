"""What runs for a job: a record in, the pipeline, a record out.

Everything here but the pipeline is light. The parent process of a worker imports what trains before it
takes its first job, and computes nothing: its forks, one for every job, have it at once, while no thread
of torch's and no context of a GPU, which do not survive a fork, is there to be inherited.
"""

import gc
import importlib
import signal
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from core.contracts.jobs import JobRecord, JobStatus, Problem
from core.contracts.reports import Report
from core.contracts.values import now
from core.errors import JobCancelled, XmetraError
from core.jobqueue.queue import JobQueue
from core.progress import Monitor
from core.store import Store
from worker.failures import problem_of
from worker.metering import Meter
from worker.reporting import Reporter

log = structlog.get_logger(__name__)


class Outcome(Protocol):
    """What a pipeline made."""

    @property
    def checkpoint_id(self) -> str:
        """The checkpoint."""

    @property
    def report(self) -> Report:
        """What it is worth."""


class Pipeline(Protocol):
    """Does the work of a job: ``core.pipeline.run``, or a quick one in the tests."""

    def __call__(self, record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> Outcome:
        """Make what the record asks for."""


def torch_pipeline(record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> Outcome:
    """Do the work with the real pipeline, which this module does not import: it brings torch."""
    from core.pipeline import run  # noqa: PLC0415

    return run(record, store=store, device=device, monitor=monitor)


def import_torch() -> None:
    """Import what the real pipeline needs: some seconds that no fork has to spend again."""
    importlib.import_module("core.pipeline")
    gc.freeze()  # what is never looked through stays shared with the forks


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Where a worker works.

    Attributes:
        queue: Where jobs come from and progress goes.
        store_url: Where records and everything made are kept. Opened anew for each job, because
            what talks to an object store does not survive a fork.
        device: Where models learn.
        pipeline: What does the work.
        prepare: Called before the first job, in the process that forks.
    """

    queue: JobQueue
    store_url: str
    device: str = "auto"
    pipeline: Pipeline = torch_pipeline
    prepare: Callable[[], None] = import_torch


WORKER_CONTEXT: Final[ContextVar[WorkerContext]] = ContextVar("context")
"""Set by the parent and inherited by its forks, for RQ brings nothing but the job's id."""


def run_job(job_id: str) -> dict[str, Any]:
    """Run a job; the name by which RQ calls this process.

    Returns:
        The end of it for RQ's book-keeping; the record in the store has everything.

    Raises:
        NotFound: There is no such job.
        StoreUnavailable: Its record cannot be read or written.
    """
    record = perform(job_id, WORKER_CONTEXT.get())
    return {"job_id": job_id, "status": record.status.value, "checkpoint_id": record.checkpoint_id}


def perform(job_id: str, context: WorkerContext) -> JobRecord:
    """Run a job to its end, whatever that is, and return its record, which is stored by then.

    A job that has ended already is left as it is. One that an earlier attempt brought to its end is not
    cancelled any more, as it would not have been then.
    """
    store = Store(context.store_url)
    record = store.jobs.load(job_id)
    if record.status.is_final:
        return record
    reporter = Reporter(job_id, context.queue, meter=Meter(record.task))
    if reporter.is_cancelled() and store.jobs.load_outcome(job_id) is None:
        return _close(record.model_copy(update={"status": JobStatus.CANCELLED}), store, reporter)
    record = record.model_copy(
        update={"status": JobStatus.RUNNING, "attempts": record.attempts + 1, "started_at": now()}
    )
    store.jobs.save(record)
    reporter.tell(JobStatus.RUNNING)
    log.info("job_started", kind=record.kind.value, language=record.language, attempt=record.attempts)
    return _close(_attempt(record, store, reporter, context), store, reporter)


def close_failed_job(job_id: str, problem: Problem, context: WorkerContext) -> None:
    """Close the record of a job whose process is gone; one that is closed already stays.

    It is called where nobody could do anything about an error, so it logs what it cannot do.
    """
    store = Store(context.store_url)
    reporter = Reporter(job_id, context.queue)
    try:
        record = store.jobs.load(job_id)
        if record.status.is_final:
            return
        ended: dict[str, object] = {"status": JobStatus.FAILED, "error": problem}
        if reporter.is_cancelled():
            ended = {"status": JobStatus.CANCELLED}
        reporter.recover()
        _close(record.model_copy(update=ended), store, reporter)
    except XmetraError as error:
        log.error("record_not_closed", job_id=job_id, problem=problem.detail, reason=str(error))


def _attempt(record: JobRecord, store: Store, reporter: Reporter, context: WorkerContext) -> JobRecord:
    """Run the pipeline and return the record with what came of it; only this knows every way to end."""
    try:
        outcome = _outcome(record, store, reporter, context)
    except JobCancelled:
        return record.model_copy(update={"status": JobStatus.CANCELLED})
    except XmetraError as error:
        problem = problem_of(error)
        log.warning("job_failed", reason=problem.detail)  # the faults themselves quote what users wrote
        return record.model_copy(update={"status": JobStatus.FAILED, "error": problem})
    except Exception as error:  # a fault of ours, RQ's timeout, or too little memory
        log.exception("job_failed")
        return record.model_copy(update={"status": JobStatus.FAILED, "error": problem_of(error)})
    reporter.complete()
    made = {"checkpoint_id": outcome.checkpoint_id, "report": outcome.report}
    return record.model_copy(update={"status": JobStatus.SUCCEEDED, **made})


def _outcome(record: JobRecord, store: Store, reporter: Reporter, context: WorkerContext) -> Outcome:
    """Run the pipeline under RQ's alarm for the timeout, and nothing after it: the end must be written."""
    try:
        return context.pipeline(record, store=store, device=context.device, monitor=reporter)
    finally:
        signal.alarm(0)


def _close(record: JobRecord, store: Store, reporter: Reporter) -> JobRecord:
    """Store the end of a job, then tell of it, so that who hears of it finds it.

    A worker that was silent for long was taken for dead, and another attempt is on its way or has ended:
    that one's end counts.
    """
    stored = store.jobs.load(record.job_id)
    if stored.status.is_final or stored.attempts > record.attempts:
        log.warning("attempt_overtaken", job_id=record.job_id, attempt=record.attempts)
        return stored
    record = record.model_copy(update={"progress": reporter.latest, "ended_at": now()})
    store.jobs.save(record)
    reporter.tell(record.status)
    reporter.count(record)
    store.jobs.append_events(record.job_id, reporter.history())
    log.info("job_ended", job_id=record.job_id, status=record.status.value)
    return record
