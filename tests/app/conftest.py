from collections.abc import Iterator
from pathlib import Path

import pytest

from core.jobqueue.embedded_redis import EmbeddedRedis
from tests.app.service import Service, running


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a real Redis, shared by all tests."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture
def fresh(redis_url: str, tmp_path: Path) -> Iterator[Service]:
    """Return a service without any base."""
    with running(redis_url, tmp_path) as service:
        yield service


@pytest.fixture
def service(fresh: Service) -> Service:
    """Return a service with an English base."""
    fresh.make_base()
    return fresh


@pytest.fixture
def without_redis(tmp_path: Path) -> Iterator[Service]:
    """Return a service with a base, whose Redis is down."""
    with running(f"unix://{tmp_path}/nobody.sock", tmp_path) as service:
        service.make_base()
        yield service
