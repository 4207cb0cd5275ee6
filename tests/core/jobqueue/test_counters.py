from collections.abc import Iterator

import pytest
from redis import Redis

from core.contracts.jobs import JobKind, JobStatus
from core.contracts.values import TaskName
from core.jobqueue.counters import CounterValues, Trained
from core.jobqueue.embedded_redis import EmbeddedRedis
from core.jobqueue.queue import JobQueue
from tests.worker.fakes import adapt_record


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
def worker(server: EmbeddedRedis, redis: Redis) -> Iterator[JobQueue]:
    queue = JobQueue.connect(server.url)
    yield queue
    queue.close()


@pytest.fixture
def other_worker(server: EmbeddedRedis) -> Iterator[JobQueue]:
    queue = JobQueue.connect(server.url)
    yield queue
    queue.close()


META_TRAIN = (TaskName.MTOD, "meta-train")


def test_before_anything_was_done_nothing_is_counted(worker: JobQueue) -> None:
    assert worker.counters.values() == CounterValues({}, {})


def test_workers_add_to_the_same_counts(worker: JobQueue, other_worker: JobQueue) -> None:
    worker.counters.count_training({META_TRAIN: Trained(20, 1.5)})
    other_worker.counters.count_training({META_TRAIN: Trained(22, 2.25)})
    assert worker.counters.values().training == {META_TRAIN: Trained(42, 3.75)}


def test_jobs_are_counted_by_how_they_ended(worker: JobQueue) -> None:
    for status in (JobStatus.SUCCEEDED, JobStatus.SUCCEEDED, JobStatus.FAILED):
        worker.counters.count_job(adapt_record("a").model_copy(update={"status": status}))
    assert worker.counters.values().jobs == {
        (JobKind.ADAPT, TaskName.MTOD, JobStatus.SUCCEEDED): 2,
        (JobKind.ADAPT, TaskName.MTOD, JobStatus.FAILED): 1,
    }


def test_the_counts_never_expire(worker: JobQueue, redis: Redis) -> None:
    worker.counters.count_training({META_TRAIN: Trained(1, 0.1)})
    assert {redis.ttl(key) for key in redis.keys("xmetra:tally:*")} == {-1}
