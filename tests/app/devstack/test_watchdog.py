"""The watchdog ends every process of a stack, including those that are just starting."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psutil
import pytest

from app.devstack import watchdog
from app.devstack.watchdog import MARK, end_all, members

Start = Callable[..., subprocess.Popen[bytes]]

SLEEPING = "import time; time.sleep(600)"
IGNORING_SIGTERM = (
    f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('started', flush=True); {SLEEPING}"
)


@pytest.fixture
def mark() -> str:
    return secrets.token_hex(8)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start Python code with a mark; processes that still run are killed at the end."""
    with ExitStack() as stack:

        def start(code: str, mark: str | None, **options: Any) -> subprocess.Popen[bytes]:
            environment = {**os.environ, **({} if mark is None else {MARK: mark})}
            process = subprocess.Popen([sys.executable, "-S", "-c", code], env=environment, **options)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_end_all_ends_marked_processes_only(start: Start, mark: str) -> None:
    ours, others = start(SLEEPING, mark), start(SLEEPING, secrets.token_hex(8))
    wait_for(lambda: [process.pid for process in members(mark)] == [ours.pid])

    end_all(mark)

    assert ours.wait(5) == -signal.SIGTERM
    assert others.poll() is None


def test_end_all_ends_a_started_child_without_a_readable_mark(start: Start, mark: str) -> None:
    child = start(SLEEPING, None)

    end_all(mark, started=[child])

    assert child.wait(5) == -signal.SIGTERM


def test_end_all_kills_a_process_that_ignores_sigterm(start: Start, mark: str) -> None:
    process = start(IGNORING_SIGTERM, mark, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"started\n"

    end_all(mark, polite_seconds=0.1)

    assert process.wait(5) == -signal.SIGKILL
    process.stdout.close()


def test_end_all_returns_when_a_started_child_has_ended(start: Start, mark: str) -> None:
    child = start("", mark)
    wait_for(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)

    end_all(mark, started=[child])

    assert child.returncode == 0


def test_main_searches_once_after_an_orderly_end_and_twice_otherwise(
    monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    marks: list[str] = []
    monkeypatch.setattr(watchdog, "end_all", marks.append)
    monkeypatch.setattr(sys, "argv", ["watchdog", mark])
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        for message, expected in ((watchdog.ORDERLY, 1), (b"", 2)):
            marks.clear()
            monkeypatch.setattr(sys, "stdin", ClosedPipe(message))
            watchdog.main()
            assert marks == [mark] * expected
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class ClosedPipe:
    """A standard input that was closed after a message."""

    def __init__(self, message: bytes) -> None:
        self.buffer = self
        self._message = message

    def read(self) -> bytes:
        return self._message
