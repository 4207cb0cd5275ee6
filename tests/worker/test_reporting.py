from pathlib import Path

import pytest

from core.contracts.jobs import JobStatus, Progress
from core.contracts.values import TaskName
from core.errors import JobCancelled
from core.jobqueue.counters import Trained, Training
from core.jobqueue.queue import JobQueue
from worker.metering import Meter
from worker.reporting import SILENCE_SECONDS, TELL_SECONDS, Reporter


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def absent(tmp_path: Path) -> JobQueue:
    return JobQueue.connect(f"unix://{tmp_path}/none.sock")


def steps_told(queue: JobQueue, job_id: str) -> list[int]:
    return [event.data["step"] for _, event in queue.events(job_id) if event.event == "progress"]


def at(step: int, stage: str = "meta-train") -> Progress:
    return Progress(percent=step, stage=stage, step=step, total_steps=100)


def test_steps_that_follow_fast_are_not_all_told(queue: JobQueue, clock: Clock) -> None:
    reporter = Reporter("fast", queue, clock=clock)
    reporter(at(1))
    reporter(at(2))
    clock.seconds += TELL_SECONDS
    reporter(at(3))
    assert steps_told(queue, "fast") == [1, 3]


def test_the_latest_step_is_known_whether_it_was_told_or_not(queue: JobQueue, clock: Clock) -> None:
    reporter = Reporter("latest", queue, clock=clock)
    reporter(at(1))
    reporter(at(2))
    assert reporter.latest.step == 2


def test_a_new_stage_is_told_at_once(queue: JobQueue, clock: Clock) -> None:
    reporter = Reporter("stages", queue, clock=clock)
    reporter(at(1))
    reporter(at(2, stage="meta-adapt"))
    assert steps_told(queue, "stages") == [1, 2]


def test_a_job_that_was_asked_to_stop_hears_it_with_its_next_step(queue: JobQueue, clock: Clock) -> None:
    reporter = Reporter("asked", queue, clock=clock)
    reporter(at(1))
    queue.cancel("asked")
    clock.seconds += TELL_SECONDS
    with pytest.raises(JobCancelled):
        reporter(at(2))


def test_no_job_fails_because_nobody_can_be_told(absent: JobQueue, clock: Clock) -> None:
    reporter = Reporter("alone", absent, clock=clock)
    reporter(at(1))
    reporter.tell(JobStatus.RUNNING)
    reporter.recover()
    reporter.complete()
    assert not reporter.is_cancelled()
    assert reporter.history() == []
    assert reporter.latest.percent == 100


def test_a_redis_that_does_not_answer_is_left_alone_for_a_while(
    absent: JobQueue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    report = absent.report

    def counted(job_id: str, progress: Progress, *, trained: Training | None = None) -> None:
        asked.append(clock.seconds)
        report(job_id, progress, trained=trained)

    monkeypatch.setattr(absent, "report", counted)
    reporter = Reporter("patient", absent, clock=clock)
    for step in range(1, 100):
        reporter(at(step, stage=f"stage {step}"))
        clock.seconds += SILENCE_SECONDS / 33
    assert len(asked) == 3


def test_a_process_takes_up_what_the_one_before_told_last(queue: JobQueue) -> None:
    queue.report("recovered", at(42))
    reporter = Reporter("recovered", queue)
    reporter.recover()
    assert reporter.latest == at(42)


def losing(step: int) -> Progress:
    return at(step).model_copy(update={"metrics": {"loss": 0.5}})


def test_every_step_is_counted_though_few_are_told(queue: JobQueue, clock: Clock) -> None:
    meter = Meter(TaskName.MTOD, clock=clock)
    reporter = Reporter("counted", queue, meter=meter, clock=clock)
    for step in range(1, 10):
        reporter(losing(step))
        clock.seconds += TELL_SECONDS / 4
    reporter.complete()
    assert len(steps_told(queue, "counted")) < 9
    assert queue.counters.values().training[TaskName.MTOD, "meta-train"].steps == 9


def test_what_was_counted_while_redis_was_away_is_added_when_it_is_back(
    absent: JobQueue, clock: Clock
) -> None:
    meter = Meter(TaskName.MTOD, clock=clock)
    reporter = Reporter("away", absent, meter=meter, clock=clock)
    reporter(losing(1))
    reporter(losing(2))
    assert meter.pending == {(TaskName.MTOD, "meta-train"): Trained(2, 0.0)}
