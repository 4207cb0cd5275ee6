"""Which jobs wait, how far each is, and which are to stop: what the others know of Redis, they know by this.

RQ keeps the queue proper; progress, events, cancel flags and remembered answers are keys of our own.
All of it may be lost, bar the waiting jobs: everything durable is in the store. Nothing is ever
pickled: what goes in and out is JSON, so a Redis somebody else can write to runs no code of theirs.
"""

import re
from contextlib import suppress
from typing import Final, Self, cast

from redis import Redis
from redis.client import Pipeline
from rq import Queue
from rq.serializers import JSONSerializer

from core.contracts.jobs import JobEvent, JobStatus, Progress
from core.contracts.values import now
from core.errors import Fault, InvalidInput, QueueFull, QueueUnavailable
from core.jobqueue.connection import connect, translate_redis_errors
from core.jobqueue.counters import Counters, Training
from core.jobqueue.idempotency import IdempotencyStore
from core.jobqueue.lost_jobs import LostJobs
from core.jobqueue.stats import QueueStats

ENTRY_POINT: Final = "worker.tasks.run_job"
"""What RQ calls; by name, for the core imports no worker."""

LONGEST_BLOCK_MILLISECONDS: Final = 2_000
"""A blocking read must end well before the socket gives up."""

JOB_TIMEOUT_SECONDS: Final = 6 * 3600
"""The default recipe takes minutes; a full encoder on a CPU may take hours."""

RESULT_SECONDS: Final = 3600
"""RQ's own book-keeping of ended jobs; their results are in the store."""

TRACE_SECONDS: Final = 7 * 24 * 3600
"""How long progress, events and cancel flags stay; every report begins it anew."""

EVENTS_KEPT: Final = 1_000

_EVENT_ID = re.compile(r"([0-9]{1,20})(-[0-9]{1,20})?")


class JobQueue:
    """The queue of jobs.

    Attributes:
        name: As `rq info` shows it.
        tallies: What all workers have done so far.
        memory: What requests were answered, for those that are repeated.
        custody: Who has which job.

    Args:
        connection: A Redis that answers bytes.
        name: Tells queues of one Redis apart.
        max_waiting: How many jobs may wait.
        job_timeout_seconds: How long a job may run.
    """

    def __init__(
        self,
        connection: Redis,
        *,
        name: str = "xmetra",
        max_waiting: int = 100,
        job_timeout_seconds: int = JOB_TIMEOUT_SECONDS,
    ) -> None:
        self.name = name
        self.counters = Counters(connection)
        self.idempotency = IdempotencyStore(connection)
        self._redis = connection
        self._max_waiting = max_waiting
        self._timeout = job_timeout_seconds
        self._queue = Queue(name, connection=connection, serializer=JSONSerializer)
        self.lost_jobs = LostJobs(self._queue)

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        name: str = "xmetra",
        max_waiting: int = 100,
        job_timeout_seconds: int = JOB_TIMEOUT_SECONDS,
    ) -> Self:
        """Return the queue at a URL: ``redis://``, ``rediss://`` or ``unix://``. Nothing is sent yet.

        Raises:
            ValueError: The URL is none of these.
        """
        return cls(connect(url), name=name, max_waiting=max_waiting, job_timeout_seconds=job_timeout_seconds)

    def close(self) -> None:
        """Give back every connection."""
        self._redis.close()

    def ping(self) -> None:
        """Ask Redis whether it is there.

        Raises:
            QueueUnavailable: It is not.
        """
        with translate_redis_errors():
            self._redis.ping()

    def is_available(self) -> bool:
        """Whether Redis is there."""
        with suppress(QueueUnavailable):
            self.ping()
            return True
        return False

    def enqueue(self, job_id: str, *, request_id: str | None = None, again: bool = False) -> int:
        """Let a job wait for a worker; one that waits already keeps its place.

        Args:
            job_id: The job.
            request_id: Who asked for it, for the worker's log.
            again: Whether it was accepted before and got lost: it is next, however many wait.

        Returns:
            Its position; 1 is next.

        Raises:
            QueueFull: Too many wait.
            QueueUnavailable: Redis does not answer.
        """

        def add(pipe: Pipeline) -> int:
            place = cast("int | None", pipe.lpos(self._queue.key, job_id))
            waiting = pipe.llen(self._queue.key)
            pipe.multi()
            if place is not None:
                return place + 1
            if waiting >= self._max_waiting and not again:
                raise QueueFull(f"{waiting} jobs are waiting; the limit is {self._max_waiting}")
            if again:
                self.lost_jobs.release(job_id, pipe)
            self._queue.enqueue_call(
                ENTRY_POINT,
                args=(job_id,),
                job_id=job_id,
                timeout=self._timeout,
                result_ttl=RESULT_SECONDS,
                failure_ttl=RESULT_SECONDS,
                meta={"request_id": request_id},
                at_front=again,
                pipeline=pipe,
            )
            self._append(pipe, job_id, _status_event(JobStatus.QUEUED))
            return 1 if again else waiting + 1

        with translate_redis_errors():
            position = self._redis.transaction(add, self._queue.key, value_from_callable=True)  # type: ignore[arg-type]
            return cast(int, position)

    def waiting(self) -> int:
        """Return how many jobs wait."""
        with translate_redis_errors():
            return self._redis.llen(self._queue.key)

    def stats(self) -> QueueStats:
        """Return how much there is to do."""
        return QueueStats.of(self._queue)

    def position(self, job_id: str) -> int | None:
        """Return the place of a job, 1 for the next; None when it does not wait."""
        with translate_redis_errors():
            place = cast("int | None", self._redis.lpos(self._queue.key, job_id))
        return None if place is None else place + 1

    def cancel(self, job_id: str) -> bool:
        """Ask a job to stop, and return whether it still waited.

        One that waited is removed and will never run, and its record is the caller's to close. Else a
        worker has it, stops it, and closes its record.
        """
        with translate_redis_errors(), self._redis.pipeline() as pipe:
            pipe.set(_key(job_id, "cancelled"), b"1", ex=TRACE_SECONDS)
            self._queue.remove(job_id, pipeline=pipe)
            removed = bool(pipe.execute()[1])
            self._append(
                pipe, job_id, _status_event(JobStatus.CANCELLED if removed else JobStatus.CANCELLING)
            )
            pipe.execute()
        return removed

    def is_cancelled(self, job_id: str) -> bool:
        """Whether somebody asked the job to stop."""
        with translate_redis_errors():
            return bool(self._redis.exists(_key(job_id, "cancelled")))

    def report(self, job_id: str, progress: Progress, *, trained: Training | None = None) -> None:
        """Tell how far a job is: the latest for who asks, an event for who listens.

        What it trained since the last report is added to the tallies.
        """
        event = JobEvent(event="progress", at=now(), data=progress.model_dump(mode="json"))
        with translate_redis_errors(), self._redis.pipeline() as pipe:
            pipe.set(_key(job_id, "progress"), progress.model_dump_json(), ex=TRACE_SECONDS)
            self._append(pipe, job_id, event)
            self.counters.add_training(pipe, trained or {})
            pipe.execute()

    def report_status(self, job_id: str, status: JobStatus) -> None:
        """Tell that a job's status changed; to be called once the record says so too."""
        with translate_redis_errors(), self._redis.pipeline() as pipe:
            self._append(pipe, job_id, _status_event(status))
            pipe.execute()

    def progress(self, job_id: str) -> Progress | None:
        """Return how far a job is, or None where nothing was told."""
        with translate_redis_errors():
            latest = cast("bytes | None", self._redis.get(_key(job_id, "progress")))
        return None if latest is None else Progress.model_validate_json(latest)

    def events(
        self, job_id: str, *, after: str = "0", block_milliseconds: int = 0
    ) -> list[tuple[str, JobEvent]]:
        """Return the events of a job that follow one, each with its id, oldest first.

        Args:
            job_id: The job.
            after: The id of the last event seen; ``0`` is before the first.
            block_milliseconds: How long to wait for one when there is none; two seconds at most.

        Raises:
            InvalidInput: `after` is not an id of an event.
            QueueUnavailable: Redis does not answer.
        """
        block = min(block_milliseconds, LONGEST_BLOCK_MILLISECONDS) or None  # Redis: 0 is for ever
        with translate_redis_errors():
            reply = self._redis.xread({_key(job_id, "events"): _event_id(after)}, block=block)
        streams = cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", reply)
        return [
            (event_id.decode(), JobEvent.model_validate_json(fields[b"json"]))
            for _, entries in streams
            for event_id, fields in entries
        ]

    def _append(self, pipe: Pipeline, job_id: str, event: JobEvent) -> None:
        """Add an event to the stream of a job, with what is sent already."""
        stream = _key(job_id, "events")
        pipe.xadd(stream, {"json": event.model_dump_json()}, maxlen=EVENTS_KEPT, approximate=True)
        pipe.expire(stream, TRACE_SECONDS)


def _status_event(status: JobStatus) -> JobEvent:
    return JobEvent(event="status", at=now(), data={"status": status.value})


def _key(job_id: str, what: str) -> str:
    return f"xmetra:job:{job_id}:{what}"


def _event_id(text: str) -> str:
    """Return an id that Redis takes, for this one comes from a client."""
    match = _EVENT_ID.fullmatch(text)
    if match is None or any(int(part) >= 2**64 for part in text.split("-")):
        raise InvalidInput(
            [Fault("Last-Event-ID", f"{text[:64]!r} is not the id of an event, such as 1700000000000-0")]
        )
    return text
