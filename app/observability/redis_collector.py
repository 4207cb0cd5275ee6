"""What Redis knows of jobs, of those that wait and of all that workers did, asked for at every scrape.

All processes of the api ask the same Redis, so each tells the same: whoever adds up instances must take
the maximum of these, not the sum.
"""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.contracts.jobs import JobKind, JobStatus
from core.contracts.values import TaskName
from core.errors import QueueUnavailable
from core.jobqueue.counters import CounterValues
from core.jobqueue.queue import JobQueue
from core.jobqueue.stats import QueueStats

OUTCOMES = tuple(status for status in JobStatus if status.is_final)


class RedisCollector(Collector):
    """Asks Redis; while that does not answer, only this is told, after three seconds at most.

    Args:
        queue: Redis.
    """

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    def collect(self) -> Iterator[Metric]:
        """Yield everything that Redis knows now."""
        up = GaugeMetricFamily("xmetra_redis_up", "Whether Redis answers: 1, or 0.")
        try:
            state, tallied = self._queue.stats(), self._queue.counters.values()
        except QueueUnavailable:
            up.add_metric((), 0)
            yield up
            return
        up.add_metric((), 1)
        yield up
        yield from _of_queue(state)
        yield from _of_workers(tallied)

    def describe(self) -> Iterator[Metric]:
        """Yield everything that may be told, without asking."""
        yield GaugeMetricFamily("xmetra_redis_up", "")
        yield from _of_queue(QueueStats(0, 0, 0))
        yield from _of_workers(CounterValues({}, {}))


def _of_queue(state: QueueStats) -> Iterator[Metric]:
    """Yield what there is to do."""
    jobs = GaugeMetricFamily("xmetra_jobs", "Jobs that have not ended.", labels=("state",))
    jobs.add_metric((JobStatus.QUEUED.value,), state.waiting)
    jobs.add_metric((JobStatus.RUNNING.value,), state.running)
    yield jobs
    yield GaugeMetricFamily("xmetra_workers", "Workers that are signed on.", state.workers)


def _of_workers(tallied: CounterValues) -> Iterator[Metric]:
    """Yield what all workers did; every way for a job to end is told, if none has ended so yet."""
    ended = CounterMetricFamily(
        "xmetra_jobs_finished", "Jobs that have ended.", labels=("kind", "task", "outcome")
    )
    for way in ((kind, task, outcome) for kind in JobKind for task in TaskName for outcome in OUTCOMES):
        ended.add_metric([part.value for part in way], tallied.jobs.get(way, 0))
    yield ended
    steps = CounterMetricFamily(
        "xmetra_training_steps", "Optimiser steps, those of the outer loop.", labels=("task", "stage")
    )
    seconds = CounterMetricFamily(
        "xmetra_training_seconds", "Seconds that the training steps took.", labels=("task", "stage")
    )
    for (task, stage), trained in tallied.training.items():
        steps.add_metric((task.value, stage), trained.steps)
        seconds.add_metric((task.value, stage), trained.seconds)
    yield from (steps, seconds)
