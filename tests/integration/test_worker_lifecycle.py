"""Start, stop and recovery of a worker, and its behaviour when Redis is unavailable."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from redis import Redis

from core.contracts.jobs import JobStatus
from core.jobqueue.embedded_redis import EmbeddedRedis
from tests.integration.workers import WorkerHarness, is_running, wait_until
from tests.worker.fakes import adapt_record

SHORT_TIMEOUT = {"XMETRA_LOST_AFTER_SECONDS": "3"}
"""A short time after which a worker counts as dead."""

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to its parent")


def test_worker_connects_when_redis_starts_later(redis: EmbeddedRedis, tmp_path: Path) -> None:
    with WorkerHarness(redis.url, tmp_path) as harness:
        harness.start()
        wait_until(lambda: b"redis_not_there" in harness.log.read_bytes())
        redis.start()
        harness.submit("patient")
        assert harness.wait_for_end("patient").status is JobStatus.SUCCEEDED


def test_worker_without_redis_exits_at_the_first_signal(redis: EmbeddedRedis, tmp_path: Path) -> None:
    with WorkerHarness(redis.url, tmp_path) as harness:
        harness.start()
        wait_until(lambda: b"redis_not_there" in harness.log.read_bytes())
        harness.signal(signal.SIGTERM)
        assert harness.wait_for_exit() == 0


def test_idle_worker_survives_a_restart_of_redis(redis: EmbeddedRedis, harness: WorkerHarness) -> None:
    harness.start()
    harness.submit("before")
    harness.wait_for_end("before")
    redis.stop()
    time.sleep(1.5)
    redis.start()
    harness.submit("after")
    assert harness.wait_for_end("after").status is JobStatus.SUCCEEDED


def test_running_and_queued_jobs_survive_a_restart_of_redis(
    redis: EmbeddedRedis, harness: WorkerHarness
) -> None:
    harness.start()
    harness.submit("running", "three-seconds")
    harness.wait_for_start("running")
    harness.submit("waiting")
    redis.stop()
    time.sleep(1.5)
    redis.start()
    assert harness.wait_for_end("running").status is JobStatus.SUCCEEDED
    assert harness.wait_for_end("waiting").status is JobStatus.SUCCEEDED


def test_running_and_queued_jobs_survive_a_killed_redis(redis: EmbeddedRedis, harness: WorkerHarness) -> None:
    harness.start()
    harness.submit("running", "three-seconds")
    harness.wait_for_start("running")
    harness.submit("waiting")
    assert redis.pid is not None
    os.kill(redis.pid, signal.SIGKILL)
    wait_until(lambda: redis.exit_code is not None)
    redis.restart()
    assert harness.wait_for_end("running").status is JobStatus.SUCCEEDED
    assert harness.wait_for_end("waiting").status is JobStatus.SUCCEEDED
    assert harness.process is not None and harness.process.poll() is None


def test_running_job_succeeds_without_redis(redis: EmbeddedRedis, harness: WorkerHarness) -> None:
    harness.start()
    harness.submit("lonely", "three-seconds")
    harness.wait_for_start("lonely")
    redis.stop()
    assert harness.wait_for_end("lonely").status is JobStatus.SUCCEEDED


def test_idle_worker_exits_at_the_first_signal(harness: WorkerHarness) -> None:
    harness.start()
    harness.submit("only")
    harness.wait_for_end("only")
    harness.signal(signal.SIGTERM)
    assert harness.wait_for_exit() == 0


def test_busy_worker_exits_after_its_job(harness: WorkerHarness) -> None:
    harness.start()
    harness.submit("last", "three-seconds")
    harness.wait_for_start("last")
    harness.submit("left")
    harness.signal(signal.SIGINT)
    assert harness.wait_for_exit() == 0
    assert harness.record("last").status is JobStatus.SUCCEEDED
    assert harness.queue.position("left") == 1


def test_second_signal_kills_the_job_and_closes_its_record(harness: WorkerHarness) -> None:
    harness.start()
    harness.submit("stopped", "long")
    pid = harness.wait_for_start("stopped")
    harness.signal(signal.SIGTERM)
    time.sleep(1.2)  # RQ takes two signals within a second for one
    harness.signal(signal.SIGTERM)
    harness.wait_for_exit()
    record = harness.record("stopped")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.title == "The worker was stopped"
    assert not is_running(pid)


def test_second_signal_within_a_second_is_ignored(harness: WorkerHarness) -> None:
    harness.start()
    harness.submit("last", "three-seconds")
    harness.wait_for_start("last")
    harness.signal(signal.SIGTERM)
    time.sleep(0.3)  # long enough to be a second signal, within the second in which RQ ignores it
    harness.signal(signal.SIGTERM)
    assert harness.wait_for_exit() == 0
    assert harness.record("last").status is JobStatus.SUCCEEDED


@needs_linux
def test_job_dies_with_its_worker_and_is_retried_by_the_next(harness: WorkerHarness) -> None:
    harness.start(**SHORT_TIMEOUT)
    harness.submit("orphan", "three-seconds")
    pid = harness.wait_for_start("orphan")
    harness.signal(signal.SIGKILL)
    harness.wait_for_exit()
    wait_until(lambda: not is_running(pid), seconds=2)
    assert harness.record("orphan").status is JobStatus.RUNNING
    harness.start(**SHORT_TIMEOUT)
    record = harness.wait_for_end("orphan")
    assert (record.status, record.attempts, record.error) == (JobStatus.SUCCEEDED, 2, None)


@needs_linux
def test_job_fails_after_max_attempts_killed_its_worker(harness: WorkerHarness) -> None:
    harness.start(**SHORT_TIMEOUT, XMETRA_MAX_ATTEMPTS="1")
    harness.submit("deadly", "long")
    harness.wait_for_start("deadly")
    harness.signal(signal.SIGKILL)
    harness.wait_for_exit()
    harness.start(**SHORT_TIMEOUT, XMETRA_MAX_ATTEMPTS="1")
    record = harness.wait_for_end("deadly")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.title == "The worker died"


def test_job_dequeued_but_never_started_is_recovered(harness: WorkerHarness) -> None:
    harness.submit("dequeued")
    with Redis.from_url(harness.redis_url) as redis:
        redis.lmove("rq:queue:xmetra", "rq:queue:xmetra:intermediate")
    harness.start(**SHORT_TIMEOUT)
    record = harness.wait_for_end("dequeued")
    assert (record.status, record.attempts) == (JobStatus.SUCCEEDED, 1)


def test_job_with_a_record_but_never_queued_is_recovered(harness: WorkerHarness) -> None:
    harness.store.jobs.save(adapt_record("forgotten"))
    harness.start(**SHORT_TIMEOUT)
    assert harness.wait_for_end("forgotten").status is JobStatus.SUCCEEDED


def test_jobs_survive_the_loss_of_all_redis_data(harness: WorkerHarness) -> None:
    for job_id in ("one", "two"):
        harness.submit(job_id)
    with Redis.from_url(harness.redis_url) as redis:
        redis.flushall()
    harness.start(**SHORT_TIMEOUT)
    assert {harness.wait_for_end(job_id).status for job_id in ("one", "two")} == {JobStatus.SUCCEEDED}


def test_worker_logs_json_when_configured(harness: WorkerHarness) -> None:
    harness.start(XMETRA_LOG_FORMAT="json")
    harness.submit("logged")
    harness.wait_for_end("logged")
    wait_until(lambda: b'"event": "job_ended"' in harness.log.read_bytes())


def test_worker_setting_overrides_the_job_timeout(harness: WorkerHarness) -> None:
    harness.start(XMETRA_JOB_TIMEOUT_SECONDS="1")
    harness.submit("short", "ignores-cancellation")
    record = harness.wait_for_end("short")
    assert record.error is not None
    assert record.error.title == "The job timed out"
