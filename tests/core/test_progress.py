import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.jobs import Progress
from core.errors import JobCancelled
from core.progress import CURVE_POINTS, ProgressTracker


def tracked(
    costs: dict[str, float], *, seconds_a_look: float = 1.0
) -> tuple[list[Progress], ProgressTracker]:
    """Return what is told and a tracker whose clock moves on each time it is read."""
    told: list[Progress] = []
    clock = itertools.count(0.0, seconds_a_look)
    return told, ProgressTracker(told.append, costs, clock=lambda: next(clock))


def test_percent_is_the_share_of_the_whole_jobs_cost() -> None:
    told, tracker = tracked({"short": 1.0, "long": 3.0})
    tracker.begin("short", 2)
    tracker.step(1)
    tracker.step(2)
    tracker.begin("long", 3)
    tracker.step(1)
    tracker.step(3)
    assert [one.percent for one in told] == [0.0, 12.5, 25.0, 25.0, 50.0, 100.0]
    assert [(one.stage, one.step, one.total_steps) for one in told][-1] == ("long", 3, 3)


def test_the_time_left_follows_from_the_time_taken() -> None:
    told, tracker = tracked({"stage": 1.0}, seconds_a_look=10.0)
    tracker.begin("stage", 4)
    tracker.step(1)
    tracker.step(2)
    tracker.step(4)
    assert [one.eta_seconds for one in told] == [None, 60.0, 30.0, 0.0]


def test_a_stage_that_ends_early_counts_as_done() -> None:
    told, tracker = tracked({"one": 1.0, "two": 1.0})
    tracker.begin("one", 100)
    tracker.begin("two", 1)
    assert told[-1].percent == 50.0


def test_a_stage_that_is_passed_over_counts_as_done() -> None:
    told, tracker = tracked({"one": 1.0, "skipped": 2.0, "three": 1.0})
    tracker.begin("one", 1)
    tracker.begin("three", 1)
    tracker.step(1)
    assert [one.percent for one in told] == [0.0, 75.0, 100.0]


def test_a_prefix_tells_the_stages_of_one_model_from_anothers() -> None:
    told, tracker = tracked({"train": 1.0, "baseline: train": 1.0})
    tracker.begin("train", 1)
    tracker.prefix = "baseline: "
    tracker.begin("train", 1)
    assert [one.stage for one in told] == ["train", "baseline: train"]


def test_a_stage_nobody_announced_is_a_fault_of_ours() -> None:
    _, tracker = tracked({"known": 1.0})
    with pytest.raises(KeyError, match="'other' was not announced"):
        tracker.begin("other", 1)


def test_losses_are_kept_for_the_report_but_never_too_many() -> None:
    told, tracker = tracked({"stage": 1.0})
    tracker.begin("stage", 10_000)
    for step in range(1, 10_001):
        tracker.step(step, {"loss": 1 / step})
    assert len(told) == 10_001
    assert CURVE_POINTS <= len(tracker.curves) <= CURVE_POINTS + 1
    assert (tracker.curves[-1].step, tracker.curves[-1].metrics) == (10_000, {"loss": 1 / 10_000})


def test_a_step_without_losses_leaves_no_point_in_the_curve() -> None:
    _, tracker = tracked({"stage": 1.0})
    tracker.begin("stage", 1)
    tracker.step(1)
    assert tracker.curves == []


def test_what_the_monitor_raises_reaches_the_work() -> None:
    def stop(_: Progress) -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        ProgressTracker(stop, {"stage": 1.0}).begin("stage", 1)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 9)), min_size=1, max_size=6))
def test_percent_never_falls_and_ends_at_a_hundred(stages: list[tuple[float, int]]) -> None:
    told, tracker = tracked({str(index): cost for index, (cost, _) in enumerate(stages)} | {"last": 1.0})
    for index, (_, steps) in enumerate([*stages, (1.0, 1)]):
        tracker.begin(str(index) if index < len(stages) else "last", steps)
        for step in range(1, steps + 1):
            tracker.step(step)
    percents = [one.percent for one in told]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0
