import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from core.jobqueue.connection import connect
from core.jobqueue.embedded_redis import EmbeddedRedis
from worker import health
from worker.health import main

HERE = socket.gethostname()
TIMEOUT = 60


def unhealthy_reason(connection: Redis, *, host: str = HERE, now: datetime) -> str | None:
    return health.unhealthy_reason(connection, host=host, now=now, timeout_seconds=TIMEOUT)


@pytest.fixture
def connection(redis: EmbeddedRedis) -> Iterator[Redis]:
    connection = connect(redis.url)
    yield connection
    connection.flushall()
    connection.close()


@pytest.fixture
def registered(connection: Redis) -> Worker:
    """A worker that is registered, as it is before its first job."""
    queue = Queue("xmetra", connection=connection, serializer=JSONSerializer)
    worker = Worker([queue], connection=connection, serializer=JSONSerializer)
    worker.register_birth()  # type: ignore[no-untyped-call]
    return worker


def test_registered_worker_is_healthy(connection: Redis, registered: Worker) -> None:
    assert unhealthy_reason(connection, now=datetime.now(UTC)) is None


def test_worker_without_heartbeats_is_unhealthy_until_the_next_one(
    connection: Redis, registered: Worker
) -> None:
    later = datetime.now(UTC) + timedelta(seconds=TIMEOUT + 5)
    assert "sent a heartbeat" in str(unhealthy_reason(connection, now=later))
    connection.hset(registered.key, "last_heartbeat", later.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    assert unhealthy_reason(connection, now=later) is None


def test_worker_of_another_host_does_not_count(connection: Redis, registered: Worker) -> None:
    assert "no worker of elsewhere" in str(
        unhealthy_reason(connection, host="elsewhere", now=datetime.now(UTC))
    )


def test_unregistered_worker_is_unhealthy(connection: Redis, registered: Worker) -> None:
    registered.register_death()  # type: ignore[no-untyped-call]
    assert "is known to Redis" in str(unhealthy_reason(connection, now=datetime.now(UTC)))


def test_main_exits_with_the_health_state(
    redis: EmbeddedRedis,
    registered: Worker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XMETRA_REDIS_URL", redis.url)
    assert main() == 0
    monkeypatch.setenv("XMETRA_REDIS_URL", "unix:///none.sock")
    assert main() == 1
    assert "Redis does not answer" in capsys.readouterr().err


def test_health_check_does_not_import_torch() -> None:
    script = "import sys, worker.health; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=120).returncode == 0
