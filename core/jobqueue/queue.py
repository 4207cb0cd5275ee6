"""The job queue in Redis: waiting jobs, progress, events, cancellation.

RQ manages the queue itself; progress, events, cancel flags and idempotent responses are separate keys. Except
for the waiting jobs, all of it may be lost: durable data is in the store. Only JSON is stored, never pickles,
so that write access to Redis does not allow code execution.
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
from core.jobqueue.counters import Counters, TrainingTotals
from core.jobqueue.idempotency import IdempotencyStore
from core.jobqueue.lost_jobs import LostJobs
from core.jobqueue.stats import QueueStats

ENTRY_POINT: Final = "worker.tasks.run_job"
"""The function that RQ calls; by name, because core does not import worker."""

LONGEST_BLOCK_MILLISECONDS: Final = 2_000
"""Limit of blocking reads, which must end well before the socket timeout."""

JOB_TIMEOUT_SECONDS: Final = 6 * 3600
"""With default settings a job takes minutes; training a full encoder on a CPU may take hours."""

RESULT_TTL_SECONDS: Final = 3600
"""Expiry of RQ's own records of finished jobs; their results are in the store."""

PROGRESS_TTL_SECONDS: Final = 7 * 24 * 3600
"""Expiry of progress, events and cancel flags; renewed by each report."""

MAX_EVENTS: Final = 1_000
"""Approximate maximum length of the event stream of a job."""

_EVENT_ID = re.compile(r"([0-9]{1,20})(-[0-9]{1,20})?")


class JobQueue:
    """The queue of jobs.

    Attributes:
        name: Name of the queue, as shown by `rq info`.
        counters: Cumulative counters of all workers.
        idempotency: Responses by idempotency key.
        lost_jobs: Detector of lost jobs.

    Args:
        connection: Redis client that returns bytes.
        name: Name of the queue, unique in its Redis.
        max_waiting: Maximum number of waiting jobs.
        job_timeout_seconds: Maximum duration of a job.
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
        """Return the queue at a URL: ``redis://``, ``rediss://`` or ``unix://``.

        The connection is opened by the first command.

        Raises:
            ValueError: The URL has another scheme.
        """
        return cls(connect(url), name=name, max_waiting=max_waiting, job_timeout_seconds=job_timeout_seconds)

    def close(self) -> None:
        """Close all connections."""
        self._redis.close()

    def ping(self) -> None:
        """Check that Redis responds.

        Raises:
            QueueUnavailable: It does not.
        """
        with translate_redis_errors():
            self._redis.ping()

    def is_available(self) -> bool:
        """Return whether Redis responds."""
        with suppress(QueueUnavailable):
            self.ping()
            return True
        return False

    def enqueue(self, job_id: str, *, request_id: str | None = None, requeue: bool = False) -> int:
        """Add a job to the queue; a job that is waiting already keeps its position.

        Args:
            job_id: The job.
            request_id: Id of the HTTP request, for the worker's log.
            requeue: Whether this is a lost job that was accepted before: it becomes the next one, regardless
                of the maximum number of waiting jobs.

        Returns:
            Its position, starting at 1.

        Raises:
            QueueFull: The maximum number of jobs is waiting.
            QueueUnavailable: Redis does not respond.
        """

        def add(pipe: Pipeline) -> int:
            place = cast("int | None", pipe.lpos(self._queue.key, job_id))
            waiting = pipe.llen(self._queue.key)
            pipe.multi()
            if place is not None:
                return place + 1
            if waiting >= self._max_waiting and not requeue:
                raise QueueFull(f"{waiting} jobs are waiting; the limit is {self._max_waiting}")
            if requeue:
                self.lost_jobs.release(job_id, pipe)
            self._queue.enqueue_call(
                ENTRY_POINT,
                args=(job_id,),
                job_id=job_id,
                timeout=self._timeout,
                result_ttl=RESULT_TTL_SECONDS,
                failure_ttl=RESULT_TTL_SECONDS,
                meta={"request_id": request_id},
                at_front=requeue,
                pipeline=pipe,
            )
            self._append(pipe, job_id, _status_event(JobStatus.QUEUED))
            return 1 if requeue else waiting + 1

        with translate_redis_errors():
            position = self._redis.transaction(add, self._queue.key, value_from_callable=True)  # type: ignore[arg-type]
            return cast(int, position)

    def waiting(self) -> int:
        """Return the number of waiting jobs."""
        with translate_redis_errors():
            return self._redis.llen(self._queue.key)

    def stats(self) -> QueueStats:
        """Return the number of waiting jobs, running jobs and workers."""
        return QueueStats.of(self._queue)

    def position(self, job_id: str) -> int | None:
        """Return the position of a job, starting at 1, or None if it is not waiting."""
        with translate_redis_errors():
            place = cast("int | None", self._redis.lpos(self._queue.key, job_id))
        return None if place is None else place + 1

    def cancel(self, job_id: str) -> bool:
        """Cancel a job, and return whether it was still waiting.

        A waiting job is removed from the queue, and the caller must update its record. A running job is
        stopped by its worker, which updates its record.
        """
        with translate_redis_errors(), self._redis.pipeline() as pipe:
            pipe.set(_key(job_id, "cancelled"), b"1", ex=PROGRESS_TTL_SECONDS)
            self._queue.remove(job_id, pipeline=pipe)
            was_waiting = bool(pipe.execute()[1])
            self._append(
                pipe, job_id, _status_event(JobStatus.CANCELLED if was_waiting else JobStatus.CANCELLING)
            )
            pipe.execute()
        return was_waiting

    def is_cancelled(self, job_id: str) -> bool:
        """Return whether the cancellation of a job was requested."""
        with translate_redis_errors():
            return bool(self._redis.exists(_key(job_id, "cancelled")))

    def report(self, job_id: str, progress: Progress, *, training: TrainingTotals | None = None) -> None:
        """Save the progress of a job and add an event.

        Args:
            job_id: The job.
            progress: Its progress.
            training: Training since the last report, to be added to the counters.
        """
        event = JobEvent(event="progress", at=now(), data=progress.model_dump(mode="json"))
        with translate_redis_errors(), self._redis.pipeline() as pipe:
            pipe.set(_key(job_id, "progress"), progress.model_dump_json(), ex=PROGRESS_TTL_SECONDS)
            self._append(pipe, job_id, event)
            self.counters.add_training(pipe, training or {})
            pipe.execute()

    def report_status(self, job_id: str, status: JobStatus) -> None:
        """Add an event for a new status of a job, after its record has been updated."""
        with translate_redis_errors(), self._redis.pipeline() as pipe:
            self._append(pipe, job_id, _status_event(status))
            pipe.execute()

    def progress(self, job_id: str) -> Progress | None:
        """Return the progress of a job, or None if none was reported."""
        with translate_redis_errors():
            latest = cast("bytes | None", self._redis.get(_key(job_id, "progress")))
        return None if latest is None else Progress.model_validate_json(latest)

    def events(
        self, job_id: str, *, after: str = "0", block_milliseconds: int = 0
    ) -> list[tuple[str, JobEvent]]:
        """Return the ids and events of a job after an id, oldest first.

        Args:
            job_id: The job.
            after: Id of the last event that was received; ``0`` for all events.
            block_milliseconds: How long to wait for an event if there is none; at most two seconds.

        Raises:
            InvalidInput: `after` is not an event id.
            QueueUnavailable: Redis does not respond.
        """
        block = min(block_milliseconds, LONGEST_BLOCK_MILLISECONDS) or None  # 0 would block without limit
        with translate_redis_errors():
            reply = self._redis.xread({_key(job_id, "events"): _event_id(after)}, block=block)
        streams = cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", reply)
        return [
            (event_id.decode(), JobEvent.model_validate_json(fields[b"json"]))
            for _, entries in streams
            for event_id, fields in entries
        ]

    def _append(self, pipe: Pipeline, job_id: str, event: JobEvent) -> None:
        """Add an event to the stream of a job, as commands of a pipeline."""
        stream = _key(job_id, "events")
        pipe.xadd(stream, {"json": event.model_dump_json()}, maxlen=MAX_EVENTS, approximate=True)
        pipe.expire(stream, PROGRESS_TTL_SECONDS)


def _status_event(status: JobStatus) -> JobEvent:
    return JobEvent(event="status", at=now(), data={"status": status.value})


def _key(job_id: str, name: str) -> str:
    return f"xmetra:job:{job_id}:{name}"


def _event_id(text: str) -> str:
    """Return an event id from a client, if it is valid for Redis.

    Raises:
        InvalidInput: The id is not valid.
    """
    match = _EVENT_ID.fullmatch(text)
    if match is None or any(int(part) >= 2**64 for part in text.split("-")):
        raise InvalidInput(
            [Fault("Last-Event-ID", f"{text[:64]!r} is not the id of an event, such as 1700000000000-0")]
        )
    return text
