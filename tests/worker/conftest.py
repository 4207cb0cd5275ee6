from collections.abc import Iterator

import pytest

from core.jobqueue.embedded_redis import EmbeddedRedis
from core.jobqueue.queue import JobQueue


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture
def queue(redis: EmbeddedRedis) -> Iterator[JobQueue]:
    queue = JobQueue.connect(redis.url)
    yield queue
    queue.close()
