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
PATIENCE = 60


def trouble(connection: Redis, *, host: str = HERE, now: datetime) -> str | None:
    return health.trouble(connection, host=host, now=now, patience_seconds=PATIENCE)


@pytest.fixture
def connection(redis: EmbeddedRedis) -> Iterator[Redis]:
    connection = connect(redis.url)
    yield connection
    connection.flushall()
    connection.close()


@pytest.fixture
def registered(connection: Redis) -> Worker:
    """A worker that has signed on, as it does before its first job."""
    queue = Queue("xmetra", connection=connection, serializer=JSONSerializer)
    worker = Worker([queue], connection=connection, serializer=JSONSerializer)
    worker.register_birth()  # type: ignore[no-untyped-call]
    return worker


def test_a_worker_that_signed_on_is_well(connection: Redis, registered: Worker) -> None:
    assert trouble(connection, now=datetime.now(UTC)) is None


def test_one_that_is_silent_is_not_until_it_tells_of_itself(connection: Redis, registered: Worker) -> None:
    later = datetime.now(UTC) + timedelta(seconds=PATIENCE + 5)
    assert "told of itself" in str(trouble(connection, now=later))
    connection.hset(registered.key, "last_heartbeat", later.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    assert trouble(connection, now=later) is None


def test_one_of_another_machine_is_none_of_ours(connection: Redis, registered: Worker) -> None:
    assert "no worker of elsewhere" in str(trouble(connection, host="elsewhere", now=datetime.now(UTC)))


def test_one_that_signed_off_is_gone(connection: Redis, registered: Worker) -> None:
    registered.register_death()  # type: ignore[no-untyped-call]
    assert "is known to Redis" in str(trouble(connection, now=datetime.now(UTC)))


def test_the_exit_code_tells(
    redis: EmbeddedRedis,
    registered: Worker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XMETRA_REDIS_URL", redis.url)
    assert main() == 0
    monkeypatch.setenv("XMETRA_REDIS_URL", "unix:///nobody.sock")
    assert main() == 1
    assert "Redis does not answer" in capsys.readouterr().err


def test_it_is_cheap() -> None:
    script = "import sys, worker.health; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=120).returncode == 0
