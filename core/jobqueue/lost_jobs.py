"""Who has a job: it waits, a worker is taking it, a worker has it, or nobody knows it any more.

RQ moves a job from its queue to an intermediate list and from there to a sorted set of those that run,
in which its worker renews it every second. A worker that is killed leaves it in one of the two.
"""

import time
from collections.abc import Iterable
from typing import Final, cast

from redis import Redis
from redis.client import Pipeline
from rq import Queue
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.utils import parse_composite_key

from core.jobqueue.connection import translate_redis_errors


class LostJobs:
    """Tells which jobs nobody has.

    Args:
        queue: The queue.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._started = StartedJobRegistry(queue=queue)

    @property
    def _redis(self) -> Redis:
        return self._queue.connection

    def take_turn(self, *, seconds: int) -> bool:
        """Whether nobody else has looked for lost jobs in the last seconds; if so, the turn is taken."""
        with translate_redis_errors():
            return bool(self._redis.set(_TURN.format(self._queue.name), b"1", nx=True, ex=seconds))

    def lost(self, job_ids: Iterable[str], *, within: int) -> list[str]:
        """Return those of the jobs that nobody had at this look, nor at the one before it.

        One look is not enough: a record is written before its job is queued, and a worker takes a job
        off the queue before it signs for it.

        Args:
            job_ids: Jobs that have not ended.
            within: Seconds in which the next look comes, and some more.
        """
        with translate_redis_errors():
            held = self._held()
            missing = [job_id for job_id in job_ids if job_id not in held]
            seen = [self._redis.set(_missed(job_id), b"1", nx=True, ex=within) for job_id in missing]
        return [job_id for job_id, is_first in zip(missing, seen, strict=True) if not is_first]

    def release(self, job_id: str, pipe: Pipeline) -> None:
        """Forget, with what is sent already, what a dead worker left of a job."""
        taking = self._queue.intermediate_queue
        pipe.lrem(taking.key, 0, job_id)
        pipe.zremrangebyscore(self._started.key, 0, time.time())
        FailedJobRegistry(queue=self._queue).remove(job_id, pipeline=pipe)
        pipe.delete(taking.get_first_seen_key(job_id), _missed(job_id))

    def _held(self) -> set[str]:
        """Return the jobs that wait, and those whose worker has renewed them in time."""
        with self._redis.pipeline() as pipe:
            pipe.lrange(self._queue.key, 0, -1)
            pipe.zrangebyscore(self._started.key, time.time(), "+inf")
            waiting, started = cast("tuple[list[bytes], list[bytes]]", pipe.execute())
        return {
            *(job_id.decode() for job_id in waiting),
            *(parse_composite_key(entry.decode())[0] for entry in started),
        }


_TURN: Final = "xmetra:queue:{}:looked-for-lost"


def _missed(job_id: str) -> str:
    return f"xmetra:job:{job_id}:missed"
