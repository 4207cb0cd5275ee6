"""What becomes of jobs that nobody has."""

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


def look_twice(context: WorkerContext, *, max_attempts: int = 3) -> None:
    recovery = Recovery(context, lost_after_seconds=3, max_attempts=max_attempts)
    for _ in range(2):
        context.queue._redis.delete("xmetra:queue:xmetra:looked-for-lost")  # as a second does
        recovery.requeue_lost()


def test_a_job_that_was_never_queued_is(context: WorkerContext, store: Store, queue: JobQueue) -> None:
    record = adapt_record("forgotten")
    store.jobs.save(record)
    look_twice(context)
    assert queue.position("forgotten") == 1
    assert store.jobs.load("forgotten") == record


def test_a_job_whose_worker_is_gone_waits_again(
    context: WorkerContext, store: Store, queue: JobQueue
) -> None:
    store.jobs.save(adapt_record("orphan").model_copy(update={"status": JobStatus.RUNNING, "attempts": 2}))
    look_twice(context)
    assert queue.position("orphan") == 1
    assert queue.events("orphan")[-1][1].data == {"status": "queued"}


def test_after_its_last_attempt_it_is_given_up(context: WorkerContext, store: Store, queue: JobQueue) -> None:
    store.jobs.save(adapt_record("deadly").model_copy(update={"status": JobStatus.RUNNING, "attempts": 3}))
    look_twice(context)
    record = store.jobs.load("deadly")
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert "It began 3 times" in record.error.detail
    assert queue.position("deadly") is None


@pytest.mark.parametrize("status", [status for status in JobStatus if status.is_final])
def test_a_job_that_has_ended_is_let_be(
    context: WorkerContext, store: Store, queue: JobQueue, status: JobStatus
) -> None:
    store.jobs.save(adapt_record("ended").model_copy(update={"status": status}))
    look_twice(context)
    assert queue.waiting() == 0


def test_one_look_is_not_enough(context: WorkerContext, store: Store, queue: JobQueue) -> None:
    store.jobs.save(adapt_record("just-accepted"))
    Recovery(context, lost_after_seconds=3, max_attempts=3).requeue_lost()
    assert queue.waiting() == 0


def test_a_worker_that_looks_too_soon_leaves_it_to_the_others(
    context: WorkerContext, store: Store, queue: JobQueue
) -> None:
    store.jobs.save(adapt_record("forgotten"))
    recovery = Recovery(context, lost_after_seconds=300, max_attempts=3)
    for _ in range(3):
        recovery.requeue_lost()
    assert queue.waiting() == 0


def test_a_redis_that_is_gone_is_no_reason_to_die(tmp_path: Path) -> None:
    absent = JobQueue.connect(f"unix://{tmp_path}/none.sock")
    Recovery(WorkerContext(absent, str(tmp_path)), lost_after_seconds=3, max_attempts=3).requeue_lost()


def test_it_looks_thrice_in_the_time_after_which_a_worker_counts_as_dead(context: WorkerContext) -> None:
    assert Recovery(context, lost_after_seconds=30, max_attempts=1).every_seconds == 10
    assert Recovery(context, lost_after_seconds=3, max_attempts=1).every_seconds == 1
