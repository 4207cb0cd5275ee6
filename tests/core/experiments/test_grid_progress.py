"""Progress of a grid: percentage by cost, and remaining time."""

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
def reports() -> list[Progress]:
    return []


def test_grid_progress_weights_runs_by_cost(reports: list[Progress], clock: Clock) -> None:
    grid = GridProgress(reports.append, {"cheap": 10, "expensive": 30}, [], clock)
    grid.monitor_for("cheap")(
        Progress(percent=50, stage="fine-tune", step=3, total_steps=6, metrics={"loss": 0.5})
    )
    grid.finish("cheap")
    grid.monitor_for("expensive")(Progress(percent=50, stage="meta-train"))
    grid.finish("expensive")
    assert [report.percent for report in reports] == [12.5, 25, 62.5, 100]
    assert reports[0].stage == "cheap: fine-tune"
    assert (reports[0].step, reports[0].total_steps, reports[0].metrics) == (3, 6, {"loss": 0.5})


def test_grid_progress_excludes_earlier_runs_from_the_estimate(reports: list[Progress], clock: Clock) -> None:
    grid = GridProgress(reports.append, {"before": 60, "now": 20, "later": 20}, ["before"], clock)
    clock.seconds = 30
    grid.monitor_for("now")(Progress(percent=50, stage="fine-tune"))
    assert reports[0].percent == 70
    # A tenth of the total took 30 seconds, so the remaining three tenths take 90.
    assert reports[0].eta_seconds == 90


def test_grid_progress_has_no_estimate_at_the_start(reports: list[Progress], clock: Clock) -> None:
    grid = GridProgress(reports.append, {"first": 1, "second": 1}, [], clock)
    grid.monitor_for("first")(Progress(percent=0, stage="fine-tune", eta_seconds=5))
    assert reports[0].eta_seconds is None


def test_grid_progress_counts_a_failed_run_as_done(reports: list[Progress], clock: Clock) -> None:
    grid = GridProgress(reports.append, {"first": 1, "second": 1}, [], clock)
    grid.monitor_for("first")(Progress(percent=10, stage="fine-tune"))
    grid.finish("first")
    assert reports[-1].percent == 50
