"""How a worker comes, goes, and bears what happens around it."""

import signal
import sys
import time
from pathlib import Path

import pytest
from redis import Redis

from core.contracts.jobs import JobStatus
from core.jobqueue.embedded_redis import EmbeddedRedis
from tests.integration.workers import Bench, is_running, wait_until
from tests.worker.fakes import adapt_record

SOON = {"XMETRA_LOST_AFTER_SECONDS": "3"}
"""After which a worker counts as dead."""

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to its parent")


def test_a_worker_that_starts_before_redis_connects_later(redis: EmbeddedRedis, tmp_path: Path) -> None:
    with Bench(redis.url, tmp_path) as bench:
        bench.start()
        wait_until(lambda: b"redis_not_there" in bench.log.read_bytes())
        redis.start()
        bench.send("patient")
        assert bench.wait_for_end("patient").status is JobStatus.SUCCEEDED


def test_a_worker_without_redis_ends_at_the_first_signal(redis: EmbeddedRedis, tmp_path: Path) -> None:
    with Bench(redis.url, tmp_path) as bench:
        bench.start()
        wait_until(lambda: b"redis_not_there" in bench.log.read_bytes())
        bench.signal(signal.SIGTERM)
        assert bench.wait_for_exit() == 0


def test_an_idle_worker_outlives_a_restart_of_redis(redis: EmbeddedRedis, bench: Bench) -> None:
    bench.start()
    bench.send("before")
    bench.wait_for_end("before")
    redis.stop()
    time.sleep(1.5)
    redis.start()
    bench.send("after")
    assert bench.wait_for_end("after").status is JobStatus.SUCCEEDED


def test_a_job_outlives_a_restart_of_redis_and_so_do_those_that_wait(
    redis: EmbeddedRedis, bench: Bench
) -> None:
    bench.start()
    bench.send("running", "three-seconds")
    bench.wait_for_start("running")
    bench.send("waiting")
    redis.stop()
    time.sleep(1.5)
    redis.start()
    assert bench.wait_for_end("running").status is JobStatus.SUCCEEDED
    assert bench.wait_for_end("waiting").status is JobStatus.SUCCEEDED


def test_a_job_ends_well_though_redis_is_gone_for_good(redis: EmbeddedRedis, bench: Bench) -> None:
    bench.start()
    bench.send("lonely", "three-seconds")
    bench.wait_for_start("lonely")
    redis.stop()
    assert bench.wait_for_end("lonely").status is JobStatus.SUCCEEDED


def test_an_idle_worker_ends_at_the_first_signal(bench: Bench) -> None:
    bench.start()
    bench.send("only")
    bench.wait_for_end("only")
    bench.signal(signal.SIGTERM)
    assert bench.wait_for_exit() == 0


def test_a_busy_worker_ends_after_its_job(bench: Bench) -> None:
    bench.start()
    bench.send("last", "three-seconds")
    bench.wait_for_start("last")
    bench.send("left")
    bench.signal(signal.SIGINT)
    assert bench.wait_for_exit() == 0
    assert bench.record("last").status is JobStatus.SUCCEEDED
    assert bench.queue.position("left") == 1


def test_the_second_signal_ends_the_job_too_and_its_record_says_so(bench: Bench) -> None:
    bench.start()
    bench.send("stopped", "long")
    pid = bench.wait_for_start("stopped")
    bench.signal(signal.SIGTERM)
    time.sleep(1.2)  # RQ takes two signals within a second for one
    bench.signal(signal.SIGTERM)
    bench.wait_for_exit()
    record = bench.record("stopped")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.title == "The worker was stopped"
    assert not is_running(pid)


def test_an_echo_of_the_first_signal_costs_no_job(bench: Bench) -> None:
    bench.start()
    bench.send("last", "three-seconds")
    bench.wait_for_start("last")
    bench.signal(signal.SIGTERM)
    time.sleep(0.3)  # so that it is seen as a second one, within the second in which RQ heeds none
    bench.signal(signal.SIGTERM)
    assert bench.wait_for_exit() == 0
    assert bench.record("last").status is JobStatus.SUCCEEDED


@needs_linux
def test_a_job_dies_with_its_worker_and_the_next_worker_does_it_again(bench: Bench) -> None:
    bench.start(**SOON)
    bench.send("orphan", "three-seconds")
    pid = bench.wait_for_start("orphan")
    bench.signal(signal.SIGKILL)
    bench.wait_for_exit()
    wait_until(lambda: not is_running(pid), seconds=2)
    assert bench.record("orphan").status is JobStatus.RUNNING
    bench.start(**SOON)
    record = bench.wait_for_end("orphan")
    assert (record.status, record.attempts, record.error) == (JobStatus.SUCCEEDED, 2, None)


@needs_linux
def test_a_job_that_kills_its_workers_is_given_up(bench: Bench) -> None:
    bench.start(**SOON, XMETRA_MAX_ATTEMPTS="1")
    bench.send("deadly", "long")
    bench.wait_for_start("deadly")
    bench.signal(signal.SIGKILL)
    bench.wait_for_exit()
    bench.start(**SOON, XMETRA_MAX_ATTEMPTS="1")
    record = bench.wait_for_end("deadly")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.title == "The worker died"


def test_a_job_that_was_taken_and_never_begun_is_done_all_the_same(bench: Bench) -> None:
    bench.send("taken")
    with Redis.from_url(bench.redis_url) as redis:
        redis.lmove("rq:queue:xmetra", "rq:queue:xmetra:intermediate")
    bench.start(**SOON)
    record = bench.wait_for_end("taken")
    assert (record.status, record.attempts) == (JobStatus.SUCCEEDED, 1)


def test_a_job_that_was_never_queued_is_done_all_the_same(bench: Bench) -> None:
    bench.store.jobs.save(adapt_record("forgotten"))
    bench.start(**SOON)
    assert bench.wait_for_end("forgotten").status is JobStatus.SUCCEEDED


def test_jobs_outlive_a_redis_that_lost_everything(bench: Bench) -> None:
    for job_id in ("one", "two"):
        bench.send(job_id)
    with Redis.from_url(bench.redis_url) as redis:
        redis.flushall()
    bench.start(**SOON)
    assert {bench.wait_for_end(job_id).status for job_id in ("one", "two")} == {JobStatus.SUCCEEDED}


def test_a_worker_tells_in_json_when_it_is_asked_to(bench: Bench) -> None:
    bench.start(XMETRA_LOG_FORMAT="json")
    bench.send("logged")
    bench.wait_for_end("logged")
    wait_until(lambda: b'"event": "job_ended"' in bench.log.read_bytes())


def test_the_time_a_job_may_take_can_be_set_at_the_worker(bench: Bench) -> None:
    bench.start(XMETRA_JOB_TIMEOUT_SECONDS="1")
    bench.send("short", "deaf")
    record = bench.wait_for_end("short")
    assert record.error is not None
    assert record.error.title == "The job timed out"
