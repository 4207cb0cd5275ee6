"""The progress of a grid: percent by cost, and the time that is left."""

import pytest

from core.contracts.jobs import Progress
from core.experiments.grid_progress import GridProgress


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[Progress]:
    return []


def test_a_run_counts_by_what_it_costs(told: list[Progress], clock: Clock) -> None:
    grid = GridProgress(told.append, {"cheap": 10, "dear": 30}, [], clock)
    grid.of("cheap")(Progress(percent=50, stage="fine-tune", step=3, total_steps=6, metrics={"loss": 0.5}))
    grid.finish("cheap")
    grid.of("dear")(Progress(percent=50, stage="meta-train"))
    grid.finish("dear")
    assert [one.percent for one in told] == [12.5, 25, 62.5, 100]
    assert told[0].stage == "cheap: fine-tune"
    assert (told[0].step, told[0].total_steps, told[0].metrics) == (3, 6, {"loss": 0.5})


def test_what_was_done_before_counts_as_done_and_took_no_time(told: list[Progress], clock: Clock) -> None:
    grid = GridProgress(told.append, {"before": 60, "now": 20, "later": 20}, ["before"], clock)
    clock.seconds = 30
    grid.of("now")(Progress(percent=50, stage="fine-tune"))
    assert told[0].percent == 70
    # A tenth of the whole took 30 seconds, so the three that are left take 90.
    assert told[0].eta_seconds == 90


def test_nothing_is_guessed_before_anything_is_done(told: list[Progress], clock: Clock) -> None:
    grid = GridProgress(told.append, {"one": 1, "two": 1}, [], clock)
    grid.of("one")(Progress(percent=0, stage="fine-tune", eta_seconds=5))
    assert told[0].eta_seconds is None


def test_a_run_that_failed_early_counts_as_done(told: list[Progress], clock: Clock) -> None:
    grid = GridProgress(told.append, {"one": 1, "two": 1}, [], clock)
    grid.of("one")(Progress(percent=10, stage="fine-tune"))
    grid.finish("one")
    assert told[-1].percent == 50
