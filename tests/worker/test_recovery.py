"""Recovery of lost jobs: which are queued again, and which fail."""

from pathlib import Path

import pytest

from core.contracts.jobs import JobStatus
from core.jobqueue.embedded_redis import EmbeddedRedis
from core.jobqueue.queue import JobQueue
from core.store import Store
from tests.worker.fakes import adapt_record, fake_pipeline
from worker.recovery import Recovery
from worker.tasks import WorkerContext


@pytest.fixture
def queue(redis: EmbeddedRedis) -> JobQueue:
    """A queue with nothing in it."""
    queue = JobQueue.connect(redis.url)
    queue._redis.flushall()
    return queue


@pytest.fixture
def context(queue: JobQueue, tmp_path: Path) -> WorkerContext:
    return WorkerContext(queue=queue, store_url=str(tmp_path / "store"), device="cpu", pipeline=fake_pipeline)


@pytest.fixture
def store(context: WorkerContext) -> Store:
    return Store(context.store_url)


def scan_twice(context: WorkerContext, *, max_attempts: int = 3) -> None:
    recovery = Recovery(context, lost_after_seconds=3, max_attempts=max_attempts)
    for _ in range(2):
        context.queue._redis.delete("xmetra:queue:xmetra:looked-for-lost")  # as if the interval had passed
        recovery.requeue_lost()


def test_recovery_queues_a_job_that_was_never_queued(
    context: WorkerContext, store: Store, queue: JobQueue
) -> None:
    record = adapt_record("forgotten")
    store.jobs.save(record)
    scan_twice(context)
    assert queue.position("forgotten") == 1
    assert store.jobs.load("forgotten") == record


def test_recovery_requeues_a_job_whose_worker_died(
    context: WorkerContext, store: Store, queue: JobQueue
) -> None:
    store.jobs.save(adapt_record("orphan").model_copy(update={"status": JobStatus.RUNNING, "attempts": 2}))
    scan_twice(context)
    assert queue.position("orphan") == 1
    assert queue.events("orphan")[-1][1].data == {"status": "queued"}


def test_recovery_fails_a_job_after_its_last_attempt(
    context: WorkerContext, store: Store, queue: JobQueue
) -> None:
    store.jobs.save(adapt_record("deadly").model_copy(update={"status": JobStatus.RUNNING, "attempts": 3}))
    scan_twice(context)
    record = store.jobs.load("deadly")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert "It began 3 times" in record.error.detail
    assert queue.position("deadly") is None


@pytest.mark.parametrize("status", [status for status in JobStatus if status.is_final])
def test_recovery_ignores_finished_jobs(
    context: WorkerContext, store: Store, queue: JobQueue, status: JobStatus
) -> None:
    store.jobs.save(adapt_record("ended").model_copy(update={"status": status}))
    scan_twice(context)
    assert queue.waiting() == 0


def test_recovery_requires_two_scans(context: WorkerContext, store: Store, queue: JobQueue) -> None:
    store.jobs.save(adapt_record("just-accepted"))
    Recovery(context, lost_after_seconds=3, max_attempts=3).requeue_lost()
    assert queue.waiting() == 0


def test_recovery_scans_once_per_interval(context: WorkerContext, store: Store, queue: JobQueue) -> None:
    store.jobs.save(adapt_record("forgotten"))
    recovery = Recovery(context, lost_after_seconds=300, max_attempts=3)
    for _ in range(3):
        recovery.requeue_lost()
    assert queue.waiting() == 0


def test_recovery_survives_without_redis(tmp_path: Path) -> None:
    absent = JobQueue.connect(f"unix://{tmp_path}/none.sock")
    Recovery(WorkerContext(absent, str(tmp_path)), lost_after_seconds=3, max_attempts=3).requeue_lost()


def test_recovery_interval_is_a_third_of_the_timeout(context: WorkerContext) -> None:
    assert Recovery(context, lost_after_seconds=30, max_attempts=1).interval_seconds == 10
    assert Recovery(context, lost_after_seconds=3, max_attempts=1).interval_seconds == 1
