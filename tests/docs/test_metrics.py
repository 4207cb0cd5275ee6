"""What is said of metrics is held against what an app measures."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.app.measured import SUFFIXES, everything_measured
from tests.repository import ROOT

DASHBOARD = ROOT / "deploy" / "grafana" / "xmetra.json"
REFERENCE = ROOT / "docs" / "reference" / "metrics.md"

OF_PROMETHEUS = {"le", "instance", "job"}
"""Labels that Prometheus adds, or that bound a bucket."""

LABELS = {series: one.labels for one in everything_measured() for series in one.series}
"""Every series that an app may tell → its labels."""


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def questions() -> Iterator[str]:
    """Yield what the dashboard asks Prometheus."""
    for panel in panels():
        yield from (target["expr"] for target in panel.get("targets", []))


def series_in(question: str) -> list[str]:
    return re.findall(r"\b(?:xmetra|process|python)_\w+", question)


@pytest.mark.parametrize("question", sorted(set(questions())))
def test_the_dashboard_asks_for_what_is_measured(question: str) -> None:
    asked = series_in(question)
    assert asked
    assert [series for series in asked if series not in LABELS] == []


@pytest.mark.parametrize("question", sorted(set(questions())))
def test_the_dashboard_groups_and_chooses_by_labels_that_are_there(question: str) -> None:
    grouped = {label for labels in re.findall(r"by \((.*?)\)", question) for label in labels.split(", ")}
    chosen = {label for labels in re.findall(r"{(.*?)}", question) for label in re.findall(r"(\w+)=", labels)}
    there = set.intersection(*(set(LABELS[series]) for series in series_in(question))) | OF_PROMETHEUS
    assert grouped | chosen <= there


def test_a_legend_names_labels_that_its_question_keeps() -> None:
    for panel in panels():
        for target in panel.get("targets", []):
            told = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            kept = {
                label
                for labels in re.findall(r"by \((.*?)\)", target["expr"])
                for label in labels.split(", ")
            }
            assert told <= kept | {"instance"}, panel["title"]


def test_the_dashboard_shows_everything_of_ours() -> None:
    shown = {series for question in questions() for series in series_in(question)}
    assert [
        one.name
        for one in everything_measured()
        if one.name.startswith("xmetra_") and shown.isdisjoint(one.series)
    ] == []


def test_the_panels_of_the_dashboard_are_apart() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    places = [
        (x, y)
        for panel in panels()
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(places)) == len(places)
    assert all(x < 24 for x, _ in places)


def test_the_reference_tells_every_metric_with_its_kind_and_its_labels() -> None:
    rows = re.findall(r"(?m)^\| `(xmetra_\w+)` \| (\w+) \| (.*?) \|", REFERENCE.read_text(encoding="utf-8"))
    told = {(name, kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    ours = {
        (one.name + (SUFFIXES[one.kind][0] if one.kind in {"counter", "info"} else ""), one.kind, one.labels)
        for one in everything_measured()
        if one.name.startswith("xmetra_")
    }
    assert told == ours
