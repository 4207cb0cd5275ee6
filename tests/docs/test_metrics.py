"""The metrics of the dashboard and of the reference are the metrics that an app exports."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.app.exported_metrics import SUFFIXES, exported_metrics
from tests.repository import ROOT

DASHBOARD = ROOT / "deploy" / "grafana" / "xmetra.json"
REFERENCE = ROOT / "docs" / "reference" / "metrics.md"

PROMETHEUS_LABELS = {"le", "instance", "job"}
"""Labels that Prometheus adds, or that bound a bucket."""

LABELS = {series: metric.labels for metric in exported_metrics() for series in metric.series}
"""Every series that an app may export → its labels."""


def panels() -> list[dict[str, Any]]:
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return list(dashboard["panels"])


def queries() -> Iterator[str]:
    """Yield the queries of the dashboard."""
    for panel in panels():
        yield from (target["expr"] for target in panel.get("targets", []))


def series_in(query: str) -> list[str]:
    return re.findall(r"\b(?:xmetra|process|python)_\w+", query)


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_dashboard_queries_exported_series(query: str) -> None:
    series = series_in(query)
    assert series
    assert [name for name in series if name not in LABELS] == []


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_dashboard_groups_and_filters_by_existing_labels(query: str) -> None:
    grouped = {label for labels in re.findall(r"by \((.*?)\)", query) for label in labels.split(", ")}
    filtered = {label for labels in re.findall(r"{(.*?)}", query) for label in re.findall(r"(\w+)=", labels)}
    existing = set.intersection(*(set(LABELS[series]) for series in series_in(query))) | PROMETHEUS_LABELS
    assert grouped | filtered <= existing


def test_dashboard_legends_name_labels_that_their_query_keeps() -> None:
    for panel in panels():
        for target in panel.get("targets", []):
            in_legend = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            in_query = {
                label
                for labels in re.findall(r"by \((.*?)\)", target["expr"])
                for label in labels.split(", ")
            }
            assert in_legend <= in_query | {"instance"}, panel["title"]


def test_dashboard_shows_every_xmetra_metric() -> None:
    shown_series = {series for query in queries() for series in series_in(query)}
    assert [
        metric.name
        for metric in exported_metrics()
        if metric.name.startswith("xmetra_") and shown_series.isdisjoint(metric.series)
    ] == []


def test_dashboard_panels_do_not_overlap() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    cells = [
        (x, y)
        for panel in panels()
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert all(x < 24 for x, _ in cells)


def test_reference_lists_every_metric_with_kind_and_labels() -> None:
    rows = re.findall(r"(?m)^\| `(xmetra_\w+)` \| (\w+) \| (.*?) \|", REFERENCE.read_text(encoding="utf-8"))
    documented = {(name, kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    exported = {
        (
            metric.name + (SUFFIXES[metric.kind][0] if metric.kind in {"counter", "info"} else ""),
            metric.kind,
            metric.labels,
        )
        for metric in exported_metrics()
        if metric.name.startswith("xmetra_")
    }
    assert documented == exported
