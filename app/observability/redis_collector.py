"""Prometheus collector of the metrics stored in Redis: the queue, and the counters of all workers.

All API processes read the same Redis and expose the same values, so a query over several instances must take
their maximum, not their sum.
"""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.contracts.jobs import JobKind, JobStatus
from core.errors import QueueUnavailable
from core.jobqueue.counters import CounterValues
from core.jobqueue.queue import JobQueue
from core.jobqueue.stats import QueueStats
from core.plugins import task_names

OUTCOMES = tuple(status for status in JobStatus if status.is_final)


class RedisCollector(Collector):
    """Reads Redis at every scrape.

    While Redis does not answer, only ``xmetra_redis_up`` is exposed, after three seconds at most.

    Args:
        queue: The job queue.
    """

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    def collect(self) -> Iterator[Metric]:
        """Yield the current metrics."""
        up = GaugeMetricFamily("xmetra_redis_up", "Whether Redis answers: 1, or 0.")
        try:
            stats, counters = self._queue.stats(), self._queue.counters.values()
        except QueueUnavailable:
            up.add_metric((), 0)
            yield up
            return
        up.add_metric((), 1)
        yield up
        yield from _queue_metrics(stats)
        yield from _worker_metrics(counters)

    def describe(self) -> Iterator[Metric]:
        """Yield every metric that may be exposed, without reading Redis."""
        yield GaugeMetricFamily("xmetra_redis_up", "")
        yield from _queue_metrics(QueueStats(0, 0, 0))
        yield from _worker_metrics(CounterValues({}, {}))


def _queue_metrics(stats: QueueStats) -> Iterator[Metric]:
    """Yield the unfinished jobs and the registered workers."""
    jobs = GaugeMetricFamily("xmetra_jobs", "Jobs that have not ended.", labels=("state",))
    jobs.add_metric((JobStatus.QUEUED.value,), stats.waiting)
    jobs.add_metric((JobStatus.RUNNING.value,), stats.running)
    yield jobs
    yield GaugeMetricFamily("xmetra_workers", "Workers that are signed on.", stats.workers)


def _worker_metrics(counters: CounterValues) -> Iterator[Metric]:
    """Yield the counters of all workers; outcomes that have not occurred yet are exposed as 0."""
    finished = CounterMetricFamily(
        "xmetra_jobs_finished", "Jobs that have ended.", labels=("kind", "task", "outcome")
    )
    for key in ((kind, task, outcome) for kind in JobKind for task in task_names() for outcome in OUTCOMES):
        finished.add_metric([str(part) for part in key], counters.jobs.get(key, 0))
    yield finished
    steps = CounterMetricFamily(
        "xmetra_training_steps", "Optimiser steps, those of the outer loop.", labels=("task", "stage")
    )
    seconds = CounterMetricFamily(
        "xmetra_training_seconds", "Seconds that the training steps took.", labels=("task", "stage")
    )
    for (task, stage), trained in counters.training.items():
        steps.add_metric((task, stage), trained.steps)
        seconds.add_metric((task, stage), trained.seconds)
    yield from (steps, seconds)
