"""From a checked job to a waiting one: record first, queue second, and nothing left half done."""

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
    """Return a name that sorts by time and that nobody guesses."""
    return f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(6)}"


def _request_id() -> str | None:
    """Return the id of the request that is answered here, for the log of the worker."""
    bound = structlog.contextvars.get_contextvars().get("request_id")
    return None if bound is None else str(bound)


@dataclass(frozen=True, slots=True)
class Submission:
    """A job that may be queued.

    Attributes:
        job: What the worker will do.
        plan: What that is in steps, where it was planned.
        warnings: What the client should know.
        idempotency_key: The client's own name of this request, or None.
        counted: Entered around the queuing, and not for a repeat; it may refuse.
    """

    job: AdaptJob | PretrainJob
    plan: AdaptPlan | None = None
    warnings: tuple[str, ...] = ()
    idempotency_key: str | None = None
    counted: AbstractContextManager[None] = field(default_factory=nullcontext)

    def submit(self, *, store: Store, queue: JobQueue) -> JobAccepted:
        """Write the job's record and queue it; a repeat gets the first answer and makes no second job.

        The answer is remembered before the job is queued: of two equal requests at once, one finds it.

        Raises:
            QueueFull: Too many jobs wait.
            RateExceeded: The caller has submitted too many of them.
            QueueUnavailable: Redis does not answer.
            StoreUnavailable: The record cannot be written.
            StoreFull: There is no space for it.
            Conflict: The idempotency key was used for something else.
        """
        queue.ping()  # before anything is written that would have to be taken back
        if self.idempotency_key is None:
            return self._queue_counted(self._answer(queue), store, queue)
        key, fingerprint = self._named(self.idempotency_key), self._fingerprint()
        answer = self._answer(queue)
        while not queue.idempotency.remember(key, fingerprint, answer.model_dump(mode="json")):
            if earlier := queue.idempotency.recall(key, fingerprint):
                answer = JobAccepted.model_validate(earlier)
                if self._is_written(answer.job_id, store):
                    return answer
                break  # whoever gave that answer was killed before it wrote the record
        try:
            return self._queue_counted(answer, store, queue)
        except XmetraError:
            self._forget(key, queue)
            raise

    @staticmethod
    def _is_written(job_id: str, store: Store) -> bool:
        """Whether a job has a record, by which it will be done even if it was never queued."""
        try:
            store.jobs.load(job_id)
        except NotFound:
            return False
        return True

    def _answer(self, queue: JobQueue) -> JobAccepted:
        """Return what the client will hear."""
        return JobAccepted(
            job_id=new_job_id(),
            status=JobStatus.QUEUED,
            queue_position=queue.waiting() + 1,
            checks=Checks(warnings=self.warnings),
        )

    def _queue_counted(self, answer: JobAccepted, store: Store, queue: JobQueue) -> JobAccepted:
        """Queue the job if its caller may still submit one."""
        with self.counted:
            return self._queue(answer, store, queue)

    def _queue(self, answer: JobAccepted, store: Store, queue: JobQueue) -> JobAccepted:
        """Write the record, then let the job wait; a job that cannot wait is closed as failed."""
        record = self._record(answer.job_id)
        if not store.jobs.create(record):
            return answer  # a repeat of this request, which came at the same time, queues it
        try:
            position = queue.enqueue(answer.job_id, request_id=_request_id())
        except XmetraError as error:
            self._close(record, error, store)
            raise
        told = {"kind": record.kind.value, "task": record.task.value, "language": record.language}
        log.info("job_submitted", job_id=record.job_id, **told)
        return answer.model_copy(update={"queue_position": position})

    def _record(self, job_id: str) -> JobRecord:
        """Return the durable record of the job as it begins."""
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
        """Mark a job that could not be queued, so that nobody waits for it."""
        kind = kind_of(error)
        problem = Problem(type=problem_type(kind.slug), title=kind.title, detail=f"never queued: {error}")
        closed = {"status": JobStatus.FAILED, "error": problem, "ended_at": now()}
        try:
            store.jobs.save(record.model_copy(update=closed))
        except (Unavailable, StoreFull) as failure:
            log.error("record_not_closed", job_id=record.job_id, reason=str(failure))

    def _forget(self, key: str, queue: JobQueue) -> None:
        """Let the client try again under the same key."""
        try:
            queue.idempotency.forget(key)
        except Unavailable as failure:
            log.error("failed_answer_stays_remembered", reason=str(failure))

    def _named(self, key: str) -> str:
        """Return the key, apart from the same key used for the other kind of job."""
        return f"{self.job.kind}:{key}"

    def _fingerprint(self) -> str:
        """Tell what is asked for; the datasets in it are named by their content."""
        return hashlib.sha256(self.job.model_dump_json().encode()).hexdigest()
