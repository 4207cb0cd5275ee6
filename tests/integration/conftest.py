from collections.abc import Iterator
from pathlib import Path

import pytest

from core.jobqueue.embedded_redis import EmbeddedRedis
from tests.integration.workers import Bench


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that is not started yet; its address is known all the same."""
    server = EmbeddedRedis(tmp_path / "redis")
    yield server
    server.stop()


@pytest.fixture
def bench(redis: EmbeddedRedis, tmp_path: Path) -> Iterator[Bench]:
    """A queue and a store without a worker."""
    redis.start()
    with Bench(redis.url, tmp_path) as bench:
        yield bench
