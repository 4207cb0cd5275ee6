from collections.abc import Iterator

import pytest
from redis import Redis

from core.contracts.jobs import JobKind, JobStatus
from core.contracts.values import MTOD
from core.jobqueue.counters import CounterValues, StageTotals
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


META_TRAIN = (MTOD, "meta-train")


def test_counters_are_empty_initially(worker: JobQueue) -> None:
    assert worker.counters.values() == CounterValues({}, {})


def test_counters_are_shared_by_workers(worker: JobQueue, other_worker: JobQueue) -> None:
    worker.counters.count_training({META_TRAIN: StageTotals(20, 1.5)})
    other_worker.counters.count_training({META_TRAIN: StageTotals(22, 2.25)})
    assert worker.counters.values().training == {META_TRAIN: StageTotals(42, 3.75)}


def test_jobs_are_counted_by_final_status(worker: JobQueue) -> None:
    for status in (JobStatus.SUCCEEDED, JobStatus.SUCCEEDED, JobStatus.FAILED):
        worker.counters.count_job(adapt_record("a").model_copy(update={"status": status}))
    assert worker.counters.values().jobs == {
        (JobKind.ADAPT, MTOD, JobStatus.SUCCEEDED): 2,
        (JobKind.ADAPT, MTOD, JobStatus.FAILED): 1,
    }


def test_counters_never_expire(worker: JobQueue, redis: Redis) -> None:
    worker.counters.count_training({META_TRAIN: StageTotals(1, 0.1)})
    assert {redis.ttl(key) for key in redis.keys("xmetra:tally:*")} == {-1}
