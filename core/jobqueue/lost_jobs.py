"""Detection of lost jobs: neither queued nor processed by a worker, because a worker or Redis was killed.

RQ moves a job from its queue to an intermediate list, and from there to a sorted set of started jobs, in
which its worker renews the expiry time every second. A worker that is killed leaves the job in one of the
two.
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
    """Detector of lost jobs in a queue.

    Args:
        queue: The queue.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._started = StartedJobRegistry(queue=queue)

    @property
    def _redis(self) -> Redis:
        return self._queue.connection

    def acquire_scan(self, *, seconds: int) -> bool:
        """Return whether this process may scan for lost jobs: one scan is allowed per `seconds` seconds."""
        with translate_redis_errors():
            return bool(self._redis.set(_SCAN_KEY.format(self._queue.name), b"1", nx=True, ex=seconds))

    def find_lost(self, job_ids: Iterable[str], *, within: int) -> list[str]:
        """Return the jobs that are missing in this scan and were missing in the previous one.

        A single scan is not enough: a record is written before its job is queued, and a worker removes a job
        from the queue before it adds it to the started jobs.

        Args:
            job_ids: Jobs without a final status.
            within: Seconds after which a previous scan is ignored; more than the interval of the scans.
        """
        with translate_redis_errors():
            active = self._active_jobs()
            missing = [job_id for job_id in job_ids if job_id not in active]
            is_first_miss = [
                bool(self._redis.set(_missed_key(job_id), b"1", nx=True, ex=within)) for job_id in missing
            ]
        return [job_id for job_id, is_first in zip(missing, is_first_miss, strict=True) if not is_first]

    def release(self, job_id: str, pipe: Pipeline) -> None:
        """Remove what a killed worker left of a job from Redis, as commands of a pipeline."""
        intermediate = self._queue.intermediate_queue
        pipe.lrem(intermediate.key, 0, job_id)
        pipe.zremrangebyscore(self._started.key, 0, time.time())
        FailedJobRegistry(queue=self._queue).remove(job_id, pipeline=pipe)
        pipe.delete(intermediate.get_first_seen_key(job_id), _missed_key(job_id))

    def _active_jobs(self) -> set[str]:
        """Return the queued jobs, and the started ones whose worker is alive."""
        with self._redis.pipeline() as pipe:
            pipe.lrange(self._queue.key, 0, -1)
            pipe.zrangebyscore(self._started.key, time.time(), "+inf")
            waiting, started = cast("tuple[list[bytes], list[bytes]]", pipe.execute())
        return {
            *(job_id.decode() for job_id in waiting),
            *(parse_composite_key(entry.decode())[0] for entry in started),
        }


_SCAN_KEY: Final = "xmetra:queue:{}:looked-for-lost"


def _missed_key(job_id: str) -> str:
    return f"xmetra:job:{job_id}:missed"
