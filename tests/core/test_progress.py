import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.jobs import Progress
from core.errors import JobCancelled
from core.progress import CURVE_POINTS, ProgressTracker


def tracked(
    costs: dict[str, float], *, seconds_per_call: float = 1.0
) -> tuple[list[Progress], ProgressTracker]:
    """Return the list of reports and a tracker whose clock advances at each call."""
    reports: list[Progress] = []
    clock = itertools.count(0.0, seconds_per_call)
    return reports, ProgressTracker(reports.append, costs, clock=lambda: next(clock))


def test_percent_is_the_completed_share_of_the_total_cost() -> None:
    reports, tracker = tracked({"short": 1.0, "long": 3.0})
    tracker.begin("short", 2)
    tracker.step(1)
    tracker.step(2)
    tracker.begin("long", 3)
    tracker.step(1)
    tracker.step(3)
    assert [report.percent for report in reports] == [0.0, 12.5, 25.0, 25.0, 50.0, 100.0]
    assert [(report.stage, report.step, report.total_steps) for report in reports][-1] == ("long", 3, 3)


def test_eta_is_extrapolated_from_the_elapsed_time() -> None:
    reports, tracker = tracked({"stage": 1.0}, seconds_per_call=10.0)
    tracker.begin("stage", 4)
    tracker.step(1)
    tracker.step(2)
    tracker.step(4)
    assert [report.eta_seconds for report in reports] == [None, 60.0, 30.0, 0.0]


def test_stage_that_ends_early_counts_as_complete() -> None:
    reports, tracker = tracked({"one": 1.0, "two": 1.0})
    tracker.begin("one", 100)
    tracker.begin("two", 1)
    assert reports[-1].percent == 50.0


def test_skipped_stage_counts_as_complete() -> None:
    reports, tracker = tracked({"one": 1.0, "skipped": 2.0, "three": 1.0})
    tracker.begin("one", 1)
    tracker.begin("three", 1)
    tracker.step(1)
    assert [report.percent for report in reports] == [0.0, 75.0, 100.0]


def test_prefix_distinguishes_the_stages_of_models() -> None:
    reports, tracker = tracked({"train": 1.0, "baseline: train": 1.0})
    tracker.begin("train", 1)
    tracker.prefix = "baseline: "
    tracker.begin("train", 1)
    assert [report.stage for report in reports] == ["train", "baseline: train"]


def test_begin_raises_for_an_unknown_stage() -> None:
    _, tracker = tracked({"known": 1.0})
    with pytest.raises(KeyError, match="'other' was not announced"):
        tracker.begin("other", 1)


def test_curve_points_are_limited() -> None:
    reports, tracker = tracked({"stage": 1.0})
    tracker.begin("stage", 10_000)
    for step in range(1, 10_001):
        tracker.step(step, {"loss": 1 / step})
    assert len(reports) == 10_001
    assert CURVE_POINTS <= len(tracker.curves) <= CURVE_POINTS + 1
    assert (tracker.curves[-1].step, tracker.curves[-1].metrics) == (10_000, {"loss": 1 / 10_000})


def test_step_without_metrics_adds_no_curve_point() -> None:
    _, tracker = tracked({"stage": 1.0})
    tracker.begin("stage", 1)
    tracker.step(1)
    assert tracker.curves == []


def test_errors_of_the_monitor_propagate() -> None:
    def stop(_: Progress) -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        ProgressTracker(stop, {"stage": 1.0}).begin("stage", 1)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 9)), min_size=1, max_size=6))
def test_percent_is_monotonic_and_ends_at_100(stages: list[tuple[float, int]]) -> None:
    reports, tracker = tracked({str(index): cost for index, (cost, _) in enumerate(stages)} | {"last": 1.0})
    for index, (_, steps) in enumerate([*stages, (1.0, 1)]):
        tracker.begin(str(index) if index < len(stages) else "last", steps)
        for step in range(1, steps + 1):
            tracker.step(step)
    percents = [report.percent for report in reports]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0
