"""The life of a job with a real Redis, a real forking worker, and a fake pipeline."""

import json
import zlib
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from core.contracts.jobs import JobEvent, JobStatus
from core.jobqueue.embedded_redis import EmbeddedRedis
from core.jobqueue.queue import JobQueue
from tests.integration.workers import WorkerHarness, is_running, wait_until
from tests.worker.fakes import report


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerHarness]:
    """One worker for all tests of this module: each test also shows that it survived the previous one."""
    folder = tmp_path_factory.mktemp("worker")
    with EmbeddedRedis(folder / "redis") as redis, WorkerHarness(redis.url, folder) as harness:
        harness.start()
        yield harness


def statuses(events: list[JobEvent]) -> list[str]:
    return [event.data["status"] for event in events if event.event == "status"]


def test_succeeded_job_has_a_complete_record(harness: WorkerHarness) -> None:
    harness.submit("succeeds")
    record = harness.wait_for_end("succeeds")
    assert record.status is JobStatus.SUCCEEDED
    assert (record.checkpoint_id, record.report) == ("checkpoint-of-succeeds", report())
    assert (record.attempts, record.error) == (1, None)
    assert (record.progress.percent, record.progress.stage) == (100, "done")
    assert record.started_at is not None and record.ended_at is not None
    assert record.created_at <= record.started_at <= record.ended_at


def test_store_keeps_every_event_of_a_job(harness: WorkerHarness) -> None:
    harness.submit("events")
    harness.wait_for_end("events")
    wait_until(lambda: bool(harness.store.jobs.events("events")))
    events = harness.store.jobs.events("events")
    assert events == [event for _, event in harness.queue.events("events")]
    assert statuses(events) == ["queued", "running", "succeeded"]
    assert [event.data["stage"] for event in events if event.event == "progress"] == [
        "begin",
        "meta-train",
        "done",
    ]


def test_job_runs_in_a_separate_process(harness: WorkerHarness) -> None:
    harness.submit("forked")
    pid = harness.wait_for_start("forked")
    assert harness.process is not None
    assert pid != harness.process.pid
    wait_until(lambda: not is_running(pid))


def test_known_error_becomes_the_problem_of_the_record(harness: WorkerHarness) -> None:
    harness.submit("diverges", "diverges")
    record = harness.wait_for_end("diverges")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.title == "The training diverged"
    assert record.error.detail == "the loss of step 3 of meta-train is not a number"
    assert record.checkpoint_id is None


def test_problem_contains_every_fault_of_the_input(harness: WorkerHarness) -> None:
    harness.submit("faulty", "faulty")
    record = harness.wait_for_end("faulty")
    assert record.error is not None
    assert record.error.errors == (
        {"pointer": "/examples/3", "detail": "the text is empty"},
        {"pointer": "/examples/7", "detail": "unknown intent 'x'"},
    )


def test_unexpected_error_is_reported_by_its_class(harness: WorkerHarness) -> None:
    harness.submit("breaks", "breaks")
    record = harness.wait_for_end("breaks")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.detail == "RuntimeError: mat1 and mat2 shapes cannot be multiplied"


def test_cancelled_running_job_stops_by_itself(harness: WorkerHarness) -> None:
    harness.submit("cancelled", "long")
    harness.wait_for_start("cancelled")
    assert not harness.queue.cancel("cancelled")
    seconds = wait_until(lambda: harness.record("cancelled").status.is_final)
    assert harness.record("cancelled").status is JobStatus.CANCELLED
    assert seconds < 1.5  # less than the grace period: it was not killed
    wait_until(lambda: bool(harness.store.jobs.events("cancelled")))
    assert statuses(harness.store.jobs.events("cancelled")) == [
        "queued",
        "running",
        "cancelling",
        "cancelled",
    ]


def test_cancelled_waiting_job_never_runs(harness: WorkerHarness) -> None:
    harness.submit("first", "long")
    harness.wait_for_start("first")
    harness.submit("second")
    assert harness.queue.cancel("second")
    harness.queue.cancel("first")
    harness.wait_for_end("first")
    harness.submit("third")
    harness.wait_for_end("third")
    assert harness.record("second").attempts == 0


def test_job_that_ignores_cancellation_is_killed_after_the_grace_period(harness: WorkerHarness) -> None:
    harness.submit("ignores-cancellation", "ignores-cancellation")
    pid = harness.wait_for_start("ignores-cancellation")
    harness.queue.cancel("ignores-cancellation")
    seconds = wait_until(lambda: harness.record("ignores-cancellation").status.is_final)
    assert harness.record("ignores-cancellation").status is JobStatus.CANCELLED
    assert 1.5 <= seconds < 6
    assert not is_running(pid)


def test_job_over_its_timeout_fails_as_timed_out(harness: WorkerHarness) -> None:
    short = JobQueue.connect(harness.redis_url, job_timeout_seconds=1)
    harness.submit("slow", "ignores-cancellation", queue=short)
    record = harness.wait_for_end("slow")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.title == "The job timed out"
    short.close()


def test_job_that_swallows_its_timeout_is_killed_as_timed_out(harness: WorkerHarness) -> None:
    short = JobQueue.connect(harness.redis_url, job_timeout_seconds=1)
    harness.submit("swallows", "swallows", queue=short)
    record = harness.wait_for_end("swallows")
    assert record.error is not None
    assert record.error.title == "The job timed out"
    short.close()


def test_job_whose_process_is_killed_fails_with_the_signal(harness: WorkerHarness) -> None:
    harness.submit("killed", "killed")
    record = harness.wait_for_end("killed")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.detail.startswith("It was killed by signal 9 (Killed).")
    assert "memory" in record.error.detail
    assert record.progress.stage == "begin"


def test_job_whose_process_exits_silently_fails_with_the_exit_code(harness: WorkerHarness) -> None:
    harness.submit("leaves", "leaves")
    record = harness.wait_for_end("leaves")
    assert record.error is not None
    assert record.error.detail == "It ended with exit code 3 and said nothing."


def test_redis_stores_json_and_no_pickle_of_a_job(harness: WorkerHarness) -> None:
    harness.submit("json")
    harness.wait_for_end("json")
    redis: Any = Redis.from_url(harness.redis_url)
    wait_until(lambda: bool(redis.xlen("rq:results:json")))
    job = redis.hgetall("rq:job:json")
    assert json.loads(zlib.decompress(job[b"data"])) == ["worker.tasks.run_job", None, ["json"], {}]
    results = redis.xrange("rq:results:json")
    assert json.loads(b64decode(results[0][1][b"return_value"])) == {
        "job_id": "json",
        "status": "succeeded",
        "checkpoint_id": "checkpoint-of-json",
    }
    redis.close()
