"""Which jobs nobody has: told by what RQ itself keeps, and never at the first look."""

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
def theirs(redis: Redis) -> Queue:
    """The same queue, as RQ sees it."""
    return Queue("xmetra", connection=redis)


def run(theirs: Queue, job_id: str, *, for_seconds: float) -> None:
    """Do what a worker does that has begun a job and means to be heard of within some seconds."""
    key = StartedJobRegistry(queue=theirs).key
    theirs.connection.zadd(key, {f"{job_id}:execution": time.time() + for_seconds})


def lost_at_second_look(queue: JobQueue, *job_ids: str) -> list[str]:
    assert queue.lost_jobs.lost(job_ids, within=SOON) == []
    return queue.lost_jobs.lost(job_ids, within=SOON)


def test_a_job_nobody_knows_is_lost_at_the_second_look(queue: JobQueue) -> None:
    assert lost_at_second_look(queue, "a", "b") == ["a", "b"]


def test_one_that_waits_is_not_lost(queue: JobQueue) -> None:
    queue.enqueue("a")
    assert lost_at_second_look(queue, "a") == []


def test_one_whose_worker_lives_is_not_lost(queue: JobQueue, theirs: Queue) -> None:
    run(theirs, "a", for_seconds=30)
    assert lost_at_second_look(queue, "a") == []


def test_one_whose_worker_has_been_silent_is_lost(queue: JobQueue, theirs: Queue) -> None:
    run(theirs, "a", for_seconds=-1)
    assert lost_at_second_look(queue, "a") == ["a"]


def test_one_that_a_worker_took_and_never_began_is_lost(queue: JobQueue, theirs: Queue, redis: Redis) -> None:
    queue.enqueue("a")
    redis.lmove(theirs.key, theirs.intermediate_queue_key)
    assert lost_at_second_look(queue, "a") == ["a"]


def test_one_that_was_only_late_is_not_lost(queue: JobQueue) -> None:
    assert queue.lost_jobs.lost(["a"], within=SOON) == []
    queue.enqueue("a")
    assert queue.lost_jobs.lost(["a"], within=SOON) == []


def test_looks_that_lie_far_apart_are_first_looks(queue: JobQueue, redis: Redis) -> None:
    queue.lost_jobs.lost(["a"], within=SOON)
    redis.delete("xmetra:job:a:missed")  # as time does
    assert queue.lost_jobs.lost(["a"], within=SOON) == []


def test_what_a_dead_worker_left_goes_when_a_job_is_queued_again(
    queue: JobQueue, theirs: Queue, redis: Redis
) -> None:
    queue.enqueue("a")
    redis.lmove(theirs.key, theirs.intermediate_queue_key)
    run(theirs, "a", for_seconds=-1)
    redis.zadd(FailedJobRegistry(queue=theirs).key, {"a": time.time() + 60})
    lost_at_second_look(queue, "a")
    queue.enqueue("a", again=True)
    assert theirs.get_job_ids() == ["a"]
    assert redis.llen(theirs.intermediate_queue_key) == 0
    assert queue.stats().running == 0
    assert FailedJobRegistry(queue=theirs).get_job_ids() == []
    assert redis.exists("xmetra:job:a:missed") == 0


def test_of_workers_that_look_at_once_one_has_its_turn(queue: JobQueue, redis: Redis) -> None:
    another = JobQueue(redis)
    assert [one.lost_jobs.take_turn(seconds=SOON) for one in (queue, another)] == [True, False]


def test_without_redis_it_says_so() -> None:
    queue = JobQueue.connect("unix:///nowhere/redis.sock")
    with pytest.raises(QueueUnavailable):
        queue.lost_jobs.lost(["a"], within=SOON)
    with pytest.raises(QueueUnavailable):
        queue.lost_jobs.take_turn(seconds=SOON)
