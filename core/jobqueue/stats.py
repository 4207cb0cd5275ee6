"""How much there is to do, as RQ keeps it."""

from dataclasses import dataclass
from typing import Self

from rq import Queue
from rq.registry import StartedJobRegistry
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from core.jobqueue.connection import translate_redis_errors


@dataclass(frozen=True, slots=True)
class QueueStats:
    """A queue at a moment: jobs that wait, jobs that run, and the workers there are."""

    waiting: int
    running: int
    workers: int

    @classmethod
    def of(cls, queue: Queue) -> Self:
        """Ask once, and without RQ's tidying up of what workers left, which is a worker's to do.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        with translate_redis_errors(), queue.connection.pipeline() as pipe:
            pipe.llen(queue.key)
            pipe.zcard(StartedJobRegistry(queue=queue).key)
            pipe.scard(WORKERS_BY_QUEUE_KEY % queue.name)
            return cls(*pipe.execute())
