"""Submission of jobs: the record is written first, then the job is queued; a failure leaves neither open."""

import hashlib
import secrets
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import structlog

from app.parsing.problems import kind_of, problem_type
from app.schemas.responses import Checks, JobAccepted
from core.contracts.jobs import AdaptJob, JobRecord, JobStatus, PretrainJob, Problem
from core.contracts.reports import AdaptPlan
from core.contracts.values import now
from core.errors import NotFound, StoreFull, Unavailable, XmetraError
from core.jobqueue.queue import JobQueue
from core.store import Store

log = structlog.get_logger(__name__)


def new_job_id() -> str:
    """Return an id that sorts by time and cannot be guessed."""
    return f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(6)}"


def _request_id() -> str | None:
    """Return the id of the current request, for the log of the worker."""
    bound = structlog.contextvars.get_contextvars().get("request_id")
    return None if bound is None else str(bound)


@dataclass(frozen=True, slots=True)
class Submission:
    """A validated job to be queued.

    Attributes:
        job: The job for the worker.
        plan: The plan of an adaptation; None for a base.
        warnings: Notes for the client.
        idempotency_key: The client's key of this request, or None.
        counted: Context that is entered to queue the job, but not for a repeat; a rate limit raises in it.
    """

    job: AdaptJob | PretrainJob
    plan: AdaptPlan | None = None
    warnings: tuple[str, ...] = ()
    idempotency_key: str | None = None
    counted: AbstractContextManager[None] = field(default_factory=nullcontext)

    def submit(self, *, store: Store, queue: JobQueue) -> JobAccepted:
        """Write the job's record and queue it; a repeat returns the first response and makes no second job.

        The response is remembered before the job is queued, so that of two equal requests at once one recalls
        the response of the other.

        Raises:
            QueueFull: Too many jobs are waiting.
            RateExceeded: The caller has submitted too many jobs.
            QueueUnavailable: Redis is unavailable.
            StoreUnavailable: The record cannot be written.
            StoreFull: No space is left.
            Conflict: The idempotency key was used for another request.
        """
        queue.ping()  # before anything is written that would have to be undone
        if self.idempotency_key is None:
            return self._queue_counted(self._response(queue), store, queue)
        key, fingerprint = self._scoped(self.idempotency_key), self._fingerprint()
        response = self._response(queue)
        while not queue.idempotency.save(key, fingerprint, response.model_dump(mode="json")):
            if earlier := queue.idempotency.load(key, fingerprint):
                response = JobAccepted.model_validate(earlier)
                if self._is_written(response.job_id, store):
                    return response
                break  # the process that made that response was killed before it wrote the record
        try:
            return self._queue_counted(response, store, queue)
        except XmetraError:
            self._forget(key, queue)
            raise

    @staticmethod
    def _is_written(job_id: str, store: Store) -> bool:
        """Whether a job has a record: with one it will run, even if it was never queued."""
        try:
            store.jobs.load(job_id)
        except NotFound:
            return False
        return True

    def _response(self, queue: JobQueue) -> JobAccepted:
        """Return the response for a new job."""
        return JobAccepted(
            job_id=new_job_id(),
            status=JobStatus.QUEUED,
            queue_position=queue.waiting() + 1,
            checks=Checks(warnings=self.warnings),
        )

    def _queue_counted(self, response: JobAccepted, store: Store, queue: JobQueue) -> JobAccepted:
        """Queue the job if its caller may still submit one."""
        with self.counted:
            return self._queue(response, store, queue)

    def _queue(self, response: JobAccepted, store: Store, queue: JobQueue) -> JobAccepted:
        """Write the record, then queue the job; a job that cannot be queued is closed as failed."""
        record = self._record(response.job_id)
        if not store.jobs.create(record):
            return response  # a repeat of this request, which came at the same time, queues it
        try:
            position = queue.enqueue(response.job_id, request_id=_request_id())
        except XmetraError as error:
            self._close(record, error, store)
            raise
        labels = {"kind": record.kind.value, "task": record.task, "language": record.language}
        log.info("job_submitted", job_id=record.job_id, **labels)
        return response.model_copy(update={"queue_position": position})

    def _record(self, job_id: str) -> JobRecord:
        """Return the first durable record of the job."""
        job = self.job
        return JobRecord(
            job_id=job_id,
            kind=job.kind,
            task=job.task,
            language=job.language if isinstance(job, AdaptJob) else job.source_language,
            request=job,
            plan=self.plan,
            created_at=now(),
        )

    def _close(self, record: JobRecord, error: XmetraError, store: Store) -> None:
        """Record a job that could not be queued as failed, so that no client waits for it."""
        kind = kind_of(error)
        problem = Problem(type=problem_type(kind.slug), title=kind.title, detail=f"never queued: {error}")
        closed = {"status": JobStatus.FAILED, "error": problem, "ended_at": now()}
        try:
            store.jobs.save(record.model_copy(update=closed))
        except (Unavailable, StoreFull) as failure:
            log.error("record_not_closed", job_id=record.job_id, reason=str(failure))

    def _forget(self, key: str, queue: JobQueue) -> None:
        """Forget the response, so that the client can retry with the same key."""
        try:
            queue.idempotency.delete(key)
        except Unavailable as failure:
            log.error("failed_answer_stays_remembered", reason=str(failure))

    def _scoped(self, key: str) -> str:
        """Return the key with the kind of job: each kind has its own keys."""
        return f"{self.job.kind}:{key}"

    def _fingerprint(self) -> str:
        """Return the SHA-256 of the job, in which datasets are named by their content."""
        return hashlib.sha256(self.job.model_dump_json().encode()).hexdigest()
