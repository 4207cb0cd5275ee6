"""Statistics of a queue."""

from dataclasses import dataclass
from typing import Self

from rq import Queue
from rq.registry import StartedJobRegistry
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from core.jobqueue.connection import translate_redis_errors


@dataclass(frozen=True, slots=True)
class QueueStats:
    """Number of waiting jobs, running jobs and workers of a queue."""

    waiting: int
    running: int
    workers: int

    @classmethod
    def of(cls, queue: Queue) -> Self:
        """Read the statistics of a queue in one round trip.

        RQ's own counters are not used, because they also clean up expired jobs, which is left to the workers.

        Raises:
            QueueUnavailable: Redis does not respond.
        """
        with translate_redis_errors(), queue.connection.pipeline() as pipe:
            pipe.llen(queue.key)
            pipe.zcard(StartedJobRegistry(queue=queue).key)
            pipe.scard(WORKERS_BY_QUEUE_KEY % queue.name)
            return cls(*pipe.execute())
