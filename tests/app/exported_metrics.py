"""The metrics that an app exports, for tests of the documentation and the dashboard."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from app.observability.metrics import Metrics
from core.contracts.values import MTOD
from core.jobqueue.counters import CounterValues, StageTotals
from core.jobqueue.stats import QueueStats

SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "counter": ("_total",),
    "gauge": ("",),
    "info": ("_info",),
    "histogram": ("_bucket", "_sum", "_count"),
}
"""Metric type → suffixes of its series."""


class FakeQueue:
    """A job queue whose counters contain a training run."""

    @property
    def counters(self) -> "FakeQueue.Counters":
        return FakeQueue.Counters()

    def stats(self) -> QueueStats:
        return QueueStats(1, 1, 1)

    class Counters:
        def values(self) -> CounterValues:
            return CounterValues({}, {(MTOD, "meta-train"): StageTotals(1, 1.0)})


@dataclass(frozen=True)
class ExportedMetric:
    """A metric family.

    Attributes:
        name: The name without the suffix of its series.
        kind: The Prometheus type.
        labels: The labels of its series, without the bucket bound ``le``.
    """

    name: str
    kind: str
    labels: frozenset[str]

    @property
    def series(self) -> list[str]:
        return [self.name + suffix for suffix in SUFFIXES[self.kind]]


def exported_metrics() -> list[ExportedMetric]:
    """Return every metric that an app may export."""
    metrics = Metrics(cast(Any, FakeQueue()))
    metrics.record_request(route="/adapt", method="POST", status=202, seconds=0.1)
    metrics.record_refusal(task=MTOD, reason="queue_full")
    return [
        ExportedMetric(
            family.name,
            family.type,
            frozenset(label for sample in family.samples for label in sample.labels) - {"le"},
        )
        for family in metrics.registry.collect()
    ]
