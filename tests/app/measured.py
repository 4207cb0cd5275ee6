"""A registry in which everything was measured once, for what is said about it elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from app.observability.metrics import Metrics
from core.contracts.values import TaskName
from core.jobqueue.counters import CounterValues, Trained
from core.jobqueue.stats import QueueStats

SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "counter": ("_total",),
    "gauge": ("",),
    "info": ("_info",),
    "histogram": ("_bucket", "_sum", "_count"),
}
"""Kind of metric → what its series' names end in."""


class SeenQueue:
    """A Redis in which a job ran."""

    @property
    def counters(self) -> "SeenQueue.Counters":
        return SeenQueue.Counters()

    def stats(self) -> QueueStats:
        return QueueStats(1, 1, 1)

    class Counters:
        def values(self) -> CounterValues:
            return CounterValues({}, {(TaskName.MTOD, "meta-train"): Trained(1, 1.0)})


@dataclass(frozen=True)
class Measured:
    """One metric.

    Attributes:
        name: Without the ending of its series.
        kind: Of Prometheus.
        labels: Of its series, but for the bound of a bucket.
    """

    name: str
    kind: str
    labels: frozenset[str]

    @property
    def series(self) -> list[str]:
        return [self.name + suffix for suffix in SUFFIXES[self.kind]]


def everything_measured() -> list[Measured]:
    """Return all that an app may tell."""
    metrics = Metrics(cast(Any, SeenQueue()))
    metrics.answered(route="/adapt", method="POST", status=202, seconds=0.1)
    metrics.refused(task=TaskName.MTOD, reason="queue_full")
    return [
        Measured(
            family.name,
            family.type,
            frozenset(label for sample in family.samples for label in sample.labels) - {"le"},
        )
        for family in metrics.registry.collect()
    ]
