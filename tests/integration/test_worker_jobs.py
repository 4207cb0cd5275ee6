"""What becomes of a job: a real Redis, a real worker that forks, and a pipeline that only behaves."""

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
from tests.integration.workers import Bench, is_running, wait_until
from tests.worker.fakes import report


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One worker for all of these, so that each test also shows that it outlived the one before."""
    folder = tmp_path_factory.mktemp("worker")
    with EmbeddedRedis(folder / "redis") as redis, Bench(redis.url, folder) as bench:
        bench.start()
        yield bench


def statuses(events: list[JobEvent]) -> list[str]:
    return [event.data["status"] for event in events if event.event == "status"]


def test_a_job_succeeds_and_its_record_has_everything(bench: Bench) -> None:
    bench.send("succeeds")
    record = bench.wait_for_end("succeeds")
    assert record.status is JobStatus.SUCCEEDED
    assert (record.checkpoint_id, record.report) == ("checkpoint-of-succeeds", report())
    assert (record.attempts, record.error) == (1, None)
    assert (record.progress.percent, record.progress.stage) == (100, "done")
    assert record.started_at is not None and record.ended_at is not None
    assert record.created_at <= record.started_at <= record.ended_at


def test_every_change_is_an_event_and_the_store_keeps_them(bench: Bench) -> None:
    bench.send("tells")
    bench.wait_for_end("tells")
    wait_until(lambda: bool(bench.store.jobs.events("tells")))
    kept = bench.store.jobs.events("tells")
    assert kept == [event for _, event in bench.queue.events("tells")]
    assert statuses(kept) == ["queued", "running", "succeeded"]
    assert [event.data["stage"] for event in kept if event.event == "progress"] == [
        "begin",
        "meta-train",
        "done",
    ]


def test_a_job_runs_in_a_process_of_its_own(bench: Bench) -> None:
    bench.send("forked")
    pid = bench.wait_for_start("forked")
    assert bench.process is not None
    assert pid != bench.process.pid
    wait_until(lambda: not is_running(pid))


def test_an_error_of_ours_becomes_the_problem_of_the_record(bench: Bench) -> None:
    bench.send("diverges", "diverges")
    record = bench.wait_for_end("diverges")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.title == "The training diverged"
    assert record.error.detail == "the loss of step 3 of meta-train is not a number"
    assert record.checkpoint_id is None


def test_every_fault_of_the_input_is_in_the_problem(bench: Bench) -> None:
    bench.send("faulty", "faulty")
    record = bench.wait_for_end("faulty")
    assert record.error is not None
    assert record.error.errors == (
        {"pointer": "/examples/3", "detail": "the text is empty"},
        {"pointer": "/examples/7", "detail": "unknown intent 'x'"},
    )


def test_an_error_nobody_expected_is_told_by_its_name(bench: Bench) -> None:
    bench.send("breaks", "breaks")
    record = bench.wait_for_end("breaks")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.detail == "RuntimeError: mat1 and mat2 shapes cannot be multiplied"


def test_a_running_job_that_is_cancelled_stops_by_itself_at_once(bench: Bench) -> None:
    bench.send("cancelled", "long")
    bench.wait_for_start("cancelled")
    assert not bench.queue.cancel("cancelled")
    took = wait_until(lambda: bench.record("cancelled").status.is_final)
    assert bench.record("cancelled").status is JobStatus.CANCELLED
    assert took < 1.5  # the grace period: nobody had to kill it
    wait_until(lambda: bool(bench.store.jobs.events("cancelled")))
    assert statuses(bench.store.jobs.events("cancelled")) == ["queued", "running", "cancelling", "cancelled"]


def test_a_waiting_job_that_is_cancelled_never_runs(bench: Bench) -> None:
    bench.send("first", "long")
    bench.wait_for_start("first")
    bench.send("second")
    assert bench.queue.cancel("second")
    bench.queue.cancel("first")
    bench.wait_for_end("first")
    bench.send("third")
    bench.wait_for_end("third")
    assert bench.record("second").attempts == 0


def test_a_job_that_does_not_heed_a_cancellation_is_killed_after_the_grace_period(bench: Bench) -> None:
    bench.send("deaf", "deaf")
    pid = bench.wait_for_start("deaf")
    bench.queue.cancel("deaf")
    took = wait_until(lambda: bench.record("deaf").status.is_final)
    assert bench.record("deaf").status is JobStatus.CANCELLED
    assert 1.5 <= took < 6
    assert not is_running(pid)


def test_a_job_that_takes_too_long_fails_as_timed_out(bench: Bench) -> None:
    short = JobQueue.connect(bench.redis_url, job_timeout_seconds=1)
    bench.send("slow", "deaf", queue=short)
    record = bench.wait_for_end("slow")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.title == "The job timed out"
    short.close()


def test_a_job_that_swallows_its_timeout_is_killed_and_still_fails_as_timed_out(bench: Bench) -> None:
    short = JobQueue.connect(bench.redis_url, job_timeout_seconds=1)
    bench.send("swallows", "swallows", queue=short)
    record = bench.wait_for_end("swallows")
    assert record.error is not None
    assert record.error.title == "The job timed out"
    short.close()


def test_a_job_whose_process_is_killed_fails_with_the_reason(bench: Bench) -> None:
    bench.send("killed", "killed")
    record = bench.wait_for_end("killed")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.detail.startswith("It was killed by signal 9 (Killed).")
    assert "memory" in record.error.detail
    assert record.progress.stage == "begin"


def test_a_job_whose_process_ends_without_a_word_fails(bench: Bench) -> None:
    bench.send("leaves", "leaves")
    record = bench.wait_for_end("leaves")
    assert record.error is not None
    assert record.error.detail == "It ended with exit code 3 and said nothing."


def test_what_redis_holds_of_a_job_is_json_and_never_a_pickle(bench: Bench) -> None:
    bench.send("json")
    bench.wait_for_end("json")
    redis: Any = Redis.from_url(bench.redis_url)
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
