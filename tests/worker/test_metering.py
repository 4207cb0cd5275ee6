import pytest

from core.contracts.jobs import Progress
from core.contracts.values import QA
from core.jobqueue.counters import StageTotals
from worker.metering import Meter, stage_name


class Clock:
    """A clock that advances by a second at each call."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 1
        return self.seconds


@pytest.fixture
def meter() -> Meter:
    return Meter(QA, clock=Clock())


def stage_start(stage: str) -> Progress:
    return Progress(stage=stage, step=0, total_steps=10)


def training_step(step: int, stage: str = "meta-train") -> Progress:
    return Progress(stage=stage, step=step, total_steps=10, metrics={"query_loss": 0.5})


def test_meter_counts_steps_and_seconds_by_stage(meter: Meter) -> None:
    for progress in (
        stage_start("meta-train"),
        training_step(1),
        training_step(2),
        stage_start("meta-adapt"),
        training_step(1, "meta-adapt"),
    ):
        meter.record(progress)
    assert meter.pending == {
        (QA, "meta-train"): StageTotals(2, 2.0),
        (QA, "meta-adapt"): StageTotals(1, 1.0),
    }


def test_meter_counts_every_step_between_two_reports(meter: Meter) -> None:
    for progress in (stage_start("meta-train"), training_step(4), training_step(9)):
        meter.record(progress)
    assert meter.pending[QA, "meta-train"].steps == 9


def test_meter_ignores_stages_without_a_loss(meter: Meter) -> None:
    for progress in (stage_start("measure ft"), Progress(stage="measure ft", step=1, total_steps=1)):
        meter.record(progress)
    assert meter.pending == {}


def test_meter_counts_a_repeated_stage_again(meter: Meter) -> None:
    for progress in (
        stage_start("pre"),
        training_step(3, "pre"),
        stage_start("pre"),
        training_step(2, "pre"),
    ):
        meter.record(progress)
    assert meter.pending == {(QA, "pre"): StageTotals(5, 2.0)}


def test_meter_counts_nothing_twice_after_clear(meter: Meter) -> None:
    meter.record(stage_start("meta-train"))
    meter.record(training_step(1))
    meter.clear()
    meter.record(training_step(2))
    assert meter.pending == {(QA, "meta-train"): StageTotals(1, 1.0)}


@pytest.mark.parametrize("stage", ["fine-tune", "ft baseline: fine-tune", "ft: tune 3: fine-tune"])
def test_stage_name_drops_the_model(stage: str) -> None:
    assert stage_name(stage) == "fine-tune"
