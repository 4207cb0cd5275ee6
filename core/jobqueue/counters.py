"""Cumulative counters of all workers, in Redis because workers have no port to scrape metrics from.

Counters are incremented atomically, so that any number of workers share them, and they outlive the workers.
They never expire; if Redis loses its data, they restart at zero, as Prometheus counters may.
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

StageKey = tuple[TaskName, str]
"""Task, and stage of its training such as ``meta-train``."""


@dataclass(frozen=True, slots=True)
class StageTotals:
    """Total cost of a stage.

    Attributes:
        steps: Optimiser steps (of the outer loop).
        seconds: Their duration.
    """

    steps: int = 0
    seconds: float = 0.0


TrainingTotals = Mapping[StageKey, StageTotals]


@dataclass(frozen=True, slots=True)
class CounterValues:
    """Values of the counters.

    Attributes:
        jobs: (kind, task, final status) → number of jobs.
        training: (task, stage) → steps and seconds.
    """

    jobs: Mapping[tuple[JobKind, TaskName, JobStatus], int]
    training: TrainingTotals


class Counters:
    """Counters that are shared by all workers.

    Args:
        connection: Redis client that returns bytes.
    """

    def __init__(self, connection: Redis) -> None:
        self._redis = connection

    def count_job(self, record: JobRecord) -> None:
        """Count a job with a final status.

        Raises:
            QueueUnavailable: Redis does not respond.
        """
        with translate_redis_errors():
            self._redis.hincrby(JOBS, f"{record.kind}:{record.task}:{record.status}", 1)

    def count_training(self, training: TrainingTotals) -> None:
        """Count training steps.

        Raises:
            QueueUnavailable: Redis does not respond.
        """
        with translate_redis_errors(), self._redis.pipeline() as pipe:
            self.add_training(pipe, training)
            pipe.execute()

    def add_training(self, pipe: Pipeline, training: TrainingTotals) -> None:
        """Count training steps, as commands of a pipeline."""
        for (task, stage), totals in training.items():
            pipe.hincrby(STEPS, f"{task}:{stage}", totals.steps)
            pipe.hincrbyfloat(SECONDS, f"{task}:{stage}", totals.seconds)

    def values(self) -> CounterValues:
        """Return the values of all counters.

        Raises:
            QueueUnavailable: Redis does not respond.
        """
        with translate_redis_errors(), self._redis.pipeline() as pipe:
            for key in (JOBS, STEPS, SECONDS):
                pipe.hgetall(key)
            jobs, steps, seconds = cast("list[dict[bytes, bytes]]", pipe.execute())
        return CounterValues(
            jobs={_job(field): int(count) for field, count in jobs.items()},
            training={
                _stage(field): StageTotals(int(count), float(seconds.get(field, 0)))
                for field, count in steps.items()
            },
        )


def _job(field: bytes) -> tuple[JobKind, TaskName, JobStatus]:
    kind, task, status = field.decode().split(":")
    return JobKind(kind), task, JobStatus(status)


def _stage(field: bytes) -> StageKey:
    task, _, stage = field.decode().partition(":")
    return task, stage
