"""Detection of lost jobs from the data of RQ."""

import time
from collections.abc import Iterator

import pytest
from redis import Redis
from rq import Queue
from rq.registry import FailedJobRegistry, StartedJobRegistry

from core.errors import QueueUnavailable
from core.jobqueue.embedded_redis import EmbeddedRedis
from core.jobqueue.queue import JobQueue

SOON = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(server: EmbeddedRedis) -> Iterator[Redis]:
    redis = Redis.from_url(server.url)
    redis.flushall()
    yield redis
    redis.close()


@pytest.fixture
def queue(redis: Redis) -> JobQueue:
    return JobQueue(redis)


@pytest.fixture
def rq_queue(redis: Redis) -> Queue:
    """Return the same queue as an object of RQ."""
    return Queue("xmetra", connection=redis)


def run(rq_queue: Queue, job_id: str, *, for_seconds: float) -> None:
    """Register a job as started, as its worker does, with a heartbeat due within some seconds."""
    key = StartedJobRegistry(queue=rq_queue).key
    rq_queue.connection.zadd(key, {f"{job_id}:execution": time.time() + for_seconds})


def lost_after_two_scans(queue: JobQueue, *job_ids: str) -> list[str]:
    assert queue.lost_jobs.find_lost(job_ids, within=SOON) == []
    return queue.lost_jobs.find_lost(job_ids, within=SOON)


def test_unknown_job_is_lost_after_two_scans(queue: JobQueue) -> None:
    assert lost_after_two_scans(queue, "a", "b") == ["a", "b"]


def test_waiting_job_is_not_lost(queue: JobQueue) -> None:
    queue.enqueue("a")
    assert lost_after_two_scans(queue, "a") == []


def test_running_job_is_not_lost(queue: JobQueue, rq_queue: Queue) -> None:
    run(rq_queue, "a", for_seconds=30)
    assert lost_after_two_scans(queue, "a") == []


def test_job_of_a_silent_worker_is_lost(queue: JobQueue, rq_queue: Queue) -> None:
    run(rq_queue, "a", for_seconds=-1)
    assert lost_after_two_scans(queue, "a") == ["a"]


def test_job_that_was_dequeued_but_not_started_is_lost(
    queue: JobQueue, rq_queue: Queue, redis: Redis
) -> None:
    queue.enqueue("a")
    redis.lmove(rq_queue.key, rq_queue.intermediate_queue_key)
    assert lost_after_two_scans(queue, "a") == ["a"]


def test_job_that_reappears_is_not_lost(queue: JobQueue) -> None:
    assert queue.lost_jobs.find_lost(["a"], within=SOON) == []
    queue.enqueue("a")
    assert queue.lost_jobs.find_lost(["a"], within=SOON) == []


def test_scans_that_are_far_apart_do_not_add_up(queue: JobQueue, redis: Redis) -> None:
    queue.lost_jobs.find_lost(["a"], within=SOON)
    redis.delete("xmetra:job:a:missed")  # as its expiry does
    assert queue.lost_jobs.find_lost(["a"], within=SOON) == []


def test_requeue_removes_traces_of_a_dead_worker(queue: JobQueue, rq_queue: Queue, redis: Redis) -> None:
    queue.enqueue("a")
    redis.lmove(rq_queue.key, rq_queue.intermediate_queue_key)
    run(rq_queue, "a", for_seconds=-1)
    redis.zadd(FailedJobRegistry(queue=rq_queue).key, {"a": time.time() + 60})
    lost_after_two_scans(queue, "a")
    queue.enqueue("a", requeue=True)
    assert rq_queue.get_job_ids() == ["a"]
    assert redis.llen(rq_queue.intermediate_queue_key) == 0
    assert queue.stats().running == 0
    assert FailedJobRegistry(queue=rq_queue).get_job_ids() == []
    assert redis.exists("xmetra:job:a:missed") == 0


def test_acquire_scan_allows_one_scan_at_a_time(queue: JobQueue, redis: Redis) -> None:
    another = JobQueue(redis)
    assert [member.lost_jobs.acquire_scan(seconds=SOON) for member in (queue, another)] == [True, False]


def test_lost_jobs_raise_queue_unavailable_without_redis() -> None:
    queue = JobQueue.connect("unix:///nowhere/redis.sock")
    with pytest.raises(QueueUnavailable):
        queue.lost_jobs.find_lost(["a"], within=SOON)
    with pytest.raises(QueueUnavailable):
        queue.lost_jobs.acquire_scan(seconds=SOON)
