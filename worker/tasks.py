"""Execution of a job: loads its record, runs the pipeline, and stores the result in the record.

This module imports nothing heavy except the pipeline. The parent process of a worker imports torch before its
first job but computes nothing with it, so that its forks, one per job, start at once and inherit neither
torch threads nor a GPU context, which do not survive a fork.
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
    """The result of a pipeline."""

    @property
    def checkpoint_id(self) -> str:
        """The id of the checkpoint."""

    @property
    def report(self) -> Report:
        """The evaluation of the checkpoint."""


class Pipeline(Protocol):
    """Runs a job: ``core.pipeline.run``, or a fast substitute in tests."""

    def __call__(self, record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> Outcome:
        """Train, evaluate and store the checkpoint that the record requests."""


def torch_pipeline(record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> Outcome:
    """Run the real pipeline; it is imported on demand, because it imports torch."""
    from core.pipeline import run  # noqa: PLC0415

    return run(record, store=store, device=device, monitor=monitor)


def import_torch() -> None:
    """Import the real pipeline; this takes some seconds, which the forks save."""
    importlib.import_module("core.pipeline")
    gc.freeze()  # keeps imported objects out of garbage collection, so that forks share their memory


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What a worker needs to run jobs.

    Attributes:
        queue: The source of jobs, and the destination of progress.
        store_url: The store of records and results. It is opened anew for each job, because the client of
            an object store does not survive a fork.
        device: The device of training.
        pipeline: Runs a job.
        prepare: Called before the first job, in the process that forks.
    """

    queue: JobQueue
    store_url: str
    device: str = "auto"
    pipeline: Pipeline = torch_pipeline
    prepare: Callable[[], None] = import_torch


WORKER_CONTEXT: Final[ContextVar[WorkerContext]] = ContextVar("context")
"""Set by the parent and inherited by its forks, because RQ passes only the job's id."""


def run_job(job_id: str) -> dict[str, Any]:
    """Run a job; RQ calls this function by name.

    Returns:
        A summary for RQ's result; the record in the store is complete.

    Raises:
        NotFound: The job has no record.
        StoreUnavailable: The record cannot be read or written.
    """
    record = perform(job_id, WORKER_CONTEXT.get())
    return {"job_id": job_id, "status": record.status.value, "checkpoint_id": record.checkpoint_id}


def perform(job_id: str, context: WorkerContext) -> JobRecord:
    """Run a job until it succeeds, fails or is cancelled, and return its stored record.

    The record of a job that has ended already is returned unchanged. A job is not cancelled if an earlier
    attempt has already stored its outcome.
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
    reporter.report_status(JobStatus.RUNNING)
    log.info("job_started", kind=record.kind.value, language=record.language, attempt=record.attempts)
    return _close(_attempt(record, store, reporter, context), store, reporter)


def close_failed_job(job_id: str, problem: Problem, context: WorkerContext) -> None:
    """Close the record of a job whose process has ended, unless it is closed already.

    Errors are logged, not raised: the callers cannot handle them.
    """
    store = Store(context.store_url)
    reporter = Reporter(job_id, context.queue)
    try:
        record = store.jobs.load(job_id)
        if record.status.is_final:
            return
        changes: dict[str, object] = {"status": JobStatus.FAILED, "error": problem}
        if reporter.is_cancelled():
            changes = {"status": JobStatus.CANCELLED}
        reporter.restore_progress()
        _close(record.model_copy(update=changes), store, reporter)
    except XmetraError as error:
        log.error("record_not_closed", job_id=job_id, problem=problem.detail, reason=str(error))


def _attempt(record: JobRecord, store: Store, reporter: Reporter, context: WorkerContext) -> JobRecord:
    """Run the pipeline and return the record with its result or error; nothing is stored yet."""
    try:
        outcome = _run_pipeline(record, store, reporter, context)
    except JobCancelled:
        return record.model_copy(update={"status": JobStatus.CANCELLED})
    except XmetraError as error:
        problem = problem_of(error)
        log.warning("job_failed", reason=problem.detail)  # not the faults: they quote user input
        return record.model_copy(update={"status": JobStatus.FAILED, "error": problem})
    except Exception as error:  # a bug, RQ's timeout, or out of memory
        log.exception("job_failed")
        return record.model_copy(update={"status": JobStatus.FAILED, "error": problem_of(error)})
    reporter.report_completion()
    result = {"checkpoint_id": outcome.checkpoint_id, "report": outcome.report}
    return record.model_copy(update={"status": JobStatus.SUCCEEDED, **result})


def _run_pipeline(record: JobRecord, store: Store, reporter: Reporter, context: WorkerContext) -> Outcome:
    """Run the pipeline, then disable RQ's timeout alarm: it must not interrupt the storing of the result."""
    try:
        return context.pipeline(record, store=store, device=context.device, monitor=reporter)
    finally:
        signal.alarm(0)


def _close(record: JobRecord, store: Store, reporter: Reporter) -> JobRecord:
    """Store the final record of a job, then report its status, so that a client that is notified can load it.

    If another attempt has started or ended meanwhile, because this worker sent no heartbeat and counted as
    dead, that attempt's record is returned and stays unchanged.
    """
    stored = store.jobs.load(record.job_id)
    if stored.status.is_final or stored.attempts > record.attempts:
        log.warning("attempt_overtaken", job_id=record.job_id, attempt=record.attempts)
        return stored
    record = record.model_copy(update={"progress": reporter.latest, "ended_at": now()})
    store.jobs.save(record)
    reporter.report_status(record.status)
    reporter.count_job(record)
    store.jobs.append_events(record.job_id, reporter.events())
    log.info("job_ended", job_id=record.job_id, status=record.status.value)
    return record
