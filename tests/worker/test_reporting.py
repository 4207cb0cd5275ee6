from pathlib import Path

import pytest

from core.contracts.jobs import JobStatus, Progress
from core.contracts.values import MTOD
from core.errors import JobCancelled
from core.jobqueue.counters import StageTotals, TrainingTotals
from core.jobqueue.queue import JobQueue
from worker.metering import Meter
from worker.reporting import BACKOFF_SECONDS, REPORT_INTERVAL_SECONDS, Reporter


class Clock:
    """A stopped clock that the test moves."""

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


def reported_steps(queue: JobQueue, job_id: str) -> list[int]:
    return [event.data["step"] for _, event in queue.events(job_id) if event.event == "progress"]


def at(step: int, stage: str = "meta-train") -> Progress:
    return Progress(percent=step, stage=stage, step=step, total_steps=100)


def test_reporter_throttles_reports(queue: JobQueue, clock: Clock) -> None:
    reporter = Reporter("fast", queue, clock=clock)
    reporter(at(1))
    reporter(at(2))
    clock.seconds += REPORT_INTERVAL_SECONDS
    reporter(at(3))
    assert reported_steps(queue, "fast") == [1, 3]


def test_reporter_keeps_the_latest_progress_without_reporting_it(queue: JobQueue, clock: Clock) -> None:
    reporter = Reporter("latest", queue, clock=clock)
    reporter(at(1))
    reporter(at(2))
    assert reporter.latest.step == 2


def test_reporter_reports_a_new_stage_at_once(queue: JobQueue, clock: Clock) -> None:
    reporter = Reporter("stages", queue, clock=clock)
    reporter(at(1))
    reporter(at(2, stage="meta-adapt"))
    assert reported_steps(queue, "stages") == [1, 2]


def test_reporter_raises_job_cancelled_at_the_next_report(queue: JobQueue, clock: Clock) -> None:
    reporter = Reporter("cancelled", queue, clock=clock)
    reporter(at(1))
    queue.cancel("cancelled")
    clock.seconds += REPORT_INTERVAL_SECONDS
    with pytest.raises(JobCancelled):
        reporter(at(2))


def test_reporter_never_fails_without_redis(absent: JobQueue, clock: Clock) -> None:
    reporter = Reporter("alone", absent, clock=clock)
    reporter(at(1))
    reporter.report_status(JobStatus.RUNNING)
    reporter.restore_progress()
    reporter.report_completion()
    assert not reporter.is_cancelled()
    assert reporter.events() == []
    assert reporter.latest.percent == 100


def test_reporter_backs_off_when_redis_does_not_answer(
    absent: JobQueue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[float] = []
    report = absent.report

    def count_calls(job_id: str, progress: Progress, *, training: TrainingTotals | None = None) -> None:
        calls.append(clock.seconds)
        report(job_id, progress, training=training)

    monkeypatch.setattr(absent, "report", count_calls)
    reporter = Reporter("patient", absent, clock=clock)
    for step in range(1, 100):
        reporter(at(step, stage=f"stage {step}"))
        clock.seconds += BACKOFF_SECONDS / 33
    assert len(calls) == 3


def test_restore_progress_loads_the_last_report(queue: JobQueue) -> None:
    queue.report("recovered", at(42))
    reporter = Reporter("recovered", queue)
    reporter.restore_progress()
    assert reporter.latest == at(42)


def with_loss(step: int) -> Progress:
    return at(step).model_copy(update={"metrics": {"loss": 0.5}})


def test_reporter_counts_every_step_although_few_are_reported(queue: JobQueue, clock: Clock) -> None:
    meter = Meter(MTOD, clock=clock)
    reporter = Reporter("counted", queue, meter=meter, clock=clock)
    for step in range(1, 10):
        reporter(with_loss(step))
        clock.seconds += REPORT_INTERVAL_SECONDS / 4
    reporter.report_completion()
    assert len(reported_steps(queue, "counted")) < 9
    assert queue.counters.values().training[MTOD, "meta-train"].steps == 9


def test_reporter_keeps_training_pending_without_redis(absent: JobQueue, clock: Clock) -> None:
    meter = Meter(MTOD, clock=clock)
    reporter = Reporter("away", absent, meter=meter, clock=clock)
    reporter(with_loss(1))
    reporter(with_loss(2))
    assert meter.pending == {(MTOD, "meta-train"): StageTotals(2, 0.0)}
