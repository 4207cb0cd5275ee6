import pytest

from core.contracts.jobs import Progress
from core.contracts.values import TaskName
from core.jobqueue.counters import Trained
from worker.metering import Meter, stage_name


class Clock:
    """A clock of which each look takes a second."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 1
        return self.seconds


@pytest.fixture
def meter() -> Meter:
    return Meter(TaskName.QA, clock=Clock())


def entered(stage: str) -> Progress:
    return Progress(stage=stage, step=0, total_steps=10)


def made(step: int, stage: str = "meta-train") -> Progress:
    return Progress(stage=stage, step=step, total_steps=10, metrics={"query_loss": 0.5})


def test_steps_and_their_seconds_are_counted_by_stage(meter: Meter) -> None:
    for progress in (entered("meta-train"), made(1), made(2), entered("meta-adapt"), made(1, "meta-adapt")):
        meter.note(progress)
    assert meter.pending == {
        (TaskName.QA, "meta-train"): Trained(2, 2.0),
        (TaskName.QA, "meta-adapt"): Trained(1, 1.0),
    }


def test_steps_that_are_told_together_all_count(meter: Meter) -> None:
    for progress in (entered("meta-train"), made(4), made(9)):
        meter.note(progress)
    assert meter.pending[TaskName.QA, "meta-train"].steps == 9


def test_a_stage_without_a_loss_is_no_training(meter: Meter) -> None:
    for progress in (entered("measure ft"), Progress(stage="measure ft", step=1, total_steps=1)):
        meter.note(progress)
    assert meter.pending == {}


def test_a_stage_that_begins_again_counts_again(meter: Meter) -> None:
    for progress in (entered("pre"), made(3, "pre"), entered("pre"), made(2, "pre")):
        meter.note(progress)
    assert meter.pending == {(TaskName.QA, "pre"): Trained(5, 2.0)}


def test_what_was_taken_down_is_not_counted_twice(meter: Meter) -> None:
    meter.note(entered("meta-train"))
    meter.note(made(1))
    meter.clear()
    meter.note(made(2))
    assert meter.pending == {(TaskName.QA, "meta-train"): Trained(1, 1.0)}


@pytest.mark.parametrize("stage", ["fine-tune", "ft baseline: fine-tune", "ft: tune 3: fine-tune"])
def test_the_stages_of_all_models_are_one_stage(stage: str) -> None:
    assert stage_name(stage) == "fine-tune"
