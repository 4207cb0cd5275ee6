from collections.abc import Iterator
from pathlib import Path

import pytest

from core.jobqueue.embedded_redis import EmbeddedRedis
from tests.integration.workers import WorkerHarness


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that is not started yet; its URL is valid already."""
    server = EmbeddedRedis(tmp_path / "redis")
    yield server
    server.stop()


@pytest.fixture
def harness(redis: EmbeddedRedis, tmp_path: Path) -> Iterator[WorkerHarness]:
    """A queue and a store; the worker is not started yet."""
    redis.start()
    with WorkerHarness(redis.url, tmp_path) as harness:
        yield harness
