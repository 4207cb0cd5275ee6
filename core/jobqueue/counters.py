"""What all workers have done so far, counted in Redis: a worker has no port at which it could be asked.

Each count is one atomic increment, so any number of workers add to the same ones, and none is lost when a
worker ends. They never expire; a Redis that lost its data begins again at nothing, as counters may.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from redis import Redis
from redis.client import Pipeline

from core.contracts.jobs import JobKind, JobRecord, JobStatus
from core.contracts.values import TaskName
from core.jobqueue.connection import translate_redis_errors

JOBS: Final = "xmetra:tally:jobs"
STEPS: Final = "xmetra:tally:steps"
SECONDS: Final = "xmetra:tally:seconds"

TrainedStage = tuple[TaskName, str]
"""A task, and a stage of its training such as ``meta-train``."""


@dataclass(frozen=True, slots=True)
class Trained:
    """Some training: optimiser steps (of the outer loop), and the seconds they took."""

    steps: int = 0
    seconds: float = 0.0


Training = Mapping[TrainedStage, Trained]


@dataclass(frozen=True, slots=True)
class CounterValues:
    """The counts at a moment.

    Attributes:
        jobs: (kind, task, how it ended) → jobs.
        training: (task, stage) → steps and seconds.
    """

    jobs: Mapping[tuple[JobKind, TaskName, JobStatus], int]
    training: Training


class Counters:
    """The counts that all workers share.

    Args:
        connection: A Redis that answers bytes.
    """

    def __init__(self, connection: Redis) -> None:
        self._redis = connection

    def count_job(self, record: JobRecord) -> None:
        """Count a job that has ended.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        with translate_redis_errors():
            self._redis.hincrby(JOBS, f"{record.kind}:{record.task}:{record.status}", 1)

    def count_training(self, training: Training) -> None:
        """Count steps that were made.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        with translate_redis_errors(), self._redis.pipeline() as pipe:
            self.add_training(pipe, training)
            pipe.execute()

    def add_training(self, pipe: Pipeline, training: Training) -> None:
        """Count steps that were made, with what is sent already."""
        for (task, stage), done in training.items():
            pipe.hincrby(STEPS, f"{task}:{stage}", done.steps)
            pipe.hincrbyfloat(SECONDS, f"{task}:{stage}", done.seconds)

    def values(self) -> CounterValues:
        """Return all counts.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        with translate_redis_errors(), self._redis.pipeline() as pipe:
            for key in (JOBS, STEPS, SECONDS):
                pipe.hgetall(key)
            jobs, steps, seconds = cast("list[dict[bytes, bytes]]", pipe.execute())
        return CounterValues(
            jobs={_job(field): int(count) for field, count in jobs.items()},
            training={
                _stage(field): Trained(int(count), float(seconds.get(field, 0)))
                for field, count in steps.items()
            },
        )


def _job(field: bytes) -> tuple[JobKind, TaskName, JobStatus]:
    kind, task, status = field.decode().split(":")
    return JobKind(kind), TaskName(task), JobStatus(status)


def _stage(field: bytes) -> TrainedStage:
    task, _, stage = field.decode().partition(":")
    return TaskName(task), stage
