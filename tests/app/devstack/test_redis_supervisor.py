"""Restarts of the embedded Redis under a stack: when they succeed, and when the stack gives up."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from app.devstack import redis_supervisor
from app.devstack.errors import StackError
from app.devstack.redis_supervisor import DEATH_WINDOW_SECONDS, RedisSupervisor
from app.devstack.stack import Stack
from core.errors import QueueUnavailable
from core.jobqueue.embedded_redis import EmbeddedRedis, server_program
from core.jobqueue.queue import JobQueue
from tests.app.stack_parts import TRACE, quick_parts, wait_for_no_survivors


class FakeRedis:
    """A server that dies when the test says so, and whose restarts may fail."""

    url = "unix:///redis.sock"
    log_file = Path("redis.log")

    def __init__(self, *, failures: int = 0) -> None:
        self.exit_code: int | None = None
        self.failures = failures
        self.attempts = 0

    def restart(self) -> None:
        self.attempts += 1
        if self.failures:
            self.failures -= 1
            raise QueueUnavailable("the embedded Redis did not start: no space left on device")
        self.exit_code = None


class Supervised:
    """A supervisor of a fake server, with a clock that the test moves."""

    def __init__(self, *, failures: int = 0) -> None:
        self.redis = FakeRedis(failures=failures)
        self.seconds = 0.0
        self.messages: list[str] = []
        self.supervisor = RedisSupervisor(
            self.redis,
            notify=self.messages.append,
            clock=lambda: self.seconds,
            sleep=lambda seconds: None,
        )

    def die(self, *, at: float = 0.0) -> None:
        self.seconds, self.redis.exit_code = at, -signal.SIGKILL
        self.supervisor.check()


def test_supervisor_leaves_a_running_server_alone() -> None:
    supervised = Supervised()
    supervised.supervisor.check()
    assert (supervised.redis.attempts, supervised.messages) == (0, [])


def test_supervisor_restarts_a_dead_server_and_notifies() -> None:
    supervised = Supervised()
    supervised.die()
    assert supervised.redis.attempts == 1
    assert supervised.messages == ["the embedded Redis ended (exit code -9) and was restarted with its data"]


def test_supervisor_retries_a_failed_restart() -> None:
    supervised = Supervised(failures=2)
    supervised.die()
    assert (supervised.redis.attempts, len(supervised.messages)) == (3, 1)


def test_supervisor_gives_up_after_three_failed_restarts() -> None:
    supervised = Supervised(failures=3)
    with pytest.raises(StackError, match=r"could not be restarted in 3 attempts: .*no space left on device"):
        supervised.die()
    assert (supervised.redis.attempts, supervised.messages) == (3, [])


def test_supervisor_gives_up_at_the_third_death_within_a_minute() -> None:
    supervised = Supervised()
    supervised.die(at=0)
    supervised.die(at=20)
    with pytest.raises(StackError, match=r"ended 3 times within 60 seconds, .*exit code -9; see redis.log"):
        supervised.die(at=DEATH_WINDOW_SECONDS - 1)


def test_supervisor_forgets_deaths_before_the_window() -> None:
    supervised = Supervised()
    for number in range(5):
        supervised.die(at=number * DEATH_WINDOW_SECONDS / 2)
    assert supervised.redis.attempts == 5


def wait_for(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill_redis(folder: Path) -> int:
    """Kill the Redis of a data folder with SIGKILL, and return its process id."""
    (server,) = (
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if "redis-server" in (process.info["name"] or "")
        and str(folder) in " ".join(process.info["cmdline"] or ())
    )
    server.kill()
    return int(server.pid)


class StackWithRedis:
    """A stack with substitutes for the API and the worker, and access to its real Redis."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.messages: list[str] = []
        self.servers: list[EmbeddedRedis] = []
        parts = replace(quick_parts(), redis=self._start_redis)
        self.stack = Stack(folder, parts=parts, notify=self.messages.append)

    def _start_redis(self, folder: Path) -> EmbeddedRedis:
        self.servers.append(EmbeddedRedis(folder))
        return self.servers[0]

    def kill_redis(self) -> int:
        """Kill the server, and return its process id once its death is visible."""
        pid = kill_redis(self.folder)
        wait_for(lambda: self.servers[0].exit_code is not None)
        return pid


def test_stack_restarts_a_killed_redis_and_keeps_queued_jobs(tmp_path: Path) -> None:
    running = StackWithRedis(tmp_path)
    with running.stack as stack:
        stack.wait_until_ready()
        queue = JobQueue.connect(running.servers[0].url)
        queue.enqueue("job-1")
        queue.enqueue("job-2")
        pid = running.kill_redis()

        stack.check()

        assert [queue.position("job-1"), queue.position("job-2")] == [1, 2]
        assert running.servers[0].pid not in {pid, None}
        assert len(running.messages) == 1
        queue.close()
    assert wait_for_no_survivors(tmp_path) == []


def test_wait_restarts_redis_until_its_third_death_within_a_minute(tmp_path: Path) -> None:
    running = StackWithRedis(tmp_path)

    def kill_after_each_restart() -> None:
        for restarts in range(redis_supervisor.MAX_DEATHS):
            wait_for(lambda: len(running.messages) == restarts)  # noqa: B023  called at once
            kill_redis(tmp_path)

    thread = threading.Thread(target=kill_after_each_restart)
    with pytest.raises(StackError, match="ended 3 times within 60 seconds"), running.stack as stack:
        thread.start()
        stack.wait()
    thread.join()
    assert len(running.messages) == 2
    assert wait_for_no_survivors(tmp_path) == []


def test_stack_gives_up_when_redis_cannot_read_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_supervisor, "RETRY_SECONDS", 0.05)
    running = StackWithRedis(tmp_path)
    with (
        pytest.raises(StackError, match=r"could not be restarted in 3 attempts: .*Bad file format"),
        running.stack as stack,
    ):
        damaged = tmp_path / "damaged"
        damaged.write_bytes(b"this is no append-only file\r\n")
        damaged.replace(tmp_path / "redis" / "appendonly.aof")
        running.kill_redis()
        stack.wait()
    assert wait_for_no_survivors(tmp_path) == []


UP = """
import sys
from functools import partial
from pathlib import Path
from app.cli.application import main
from app.cli.commands import up
from app.devstack.stack import Stack
from core.jobqueue import embedded_redis
from tests.app.stack_parts import quick_parts

folder, server = sys.argv[1:]
embedded_redis.server_program = lambda: Path(server)
up.Stack = partial(Stack, parts=quick_parts())
main(["up", "--data", folder, "--port", "0", "--json"])
"""
"""``xmetra up`` with substitutes for the API and the worker, and with a given Redis program."""


def write_program(path: Path, script: str) -> None:
    """Write a shell script in one step, so that no half of it is ever executed."""
    written = path.with_suffix(".new")
    written.write_text(f"#!/bin/sh\n{script}\n")
    written.chmod(0o755)
    written.replace(path)


def test_up_exits_with_1_when_redis_no_longer_starts(tmp_path: Path) -> None:
    program, data = tmp_path / "server", tmp_path / "data"
    write_program(program, f'exec {server_program()} "$@"')
    with subprocess.Popen(
        [sys.executable, "-c", UP, str(data), str(program)],
        env={**os.environ, TRACE: str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as up:
        assert up.stdout is not None and up.stderr is not None
        assert up.stdout.readline() == "{\n"
        write_program(program, "exit 127")
        kill_redis(data)
        assert up.wait(timeout=60) == 1
        message = up.stderr.read()
    assert "the embedded Redis ended (exit code -9) and could not be restarted in 3 attempts" in message
    assert "Traceback" not in message
    assert wait_for_no_survivors(tmp_path, trace=str(tmp_path)) == []
