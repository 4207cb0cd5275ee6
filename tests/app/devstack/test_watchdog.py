"""Nothing of a stack lives on, also what was only just being started."""

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
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEPING}"


@pytest.fixture
def mark() -> str:
    return secrets.token_hex(8)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start Python with some words and a mark; whatever lives on is killed."""
    with ExitStack() as stack:

        def start(words: str, mark: str | None, **options: Any) -> subprocess.Popen[bytes]:
            environment = {**os.environ, **({} if mark is None else {MARK: mark})}
            process = subprocess.Popen([sys.executable, "-S", "-c", words], env=environment, **options)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_whatever_carries_the_mark_is_ended_and_nothing_else(start: Start, mark: str) -> None:
    ours, others = start(SLEEPING, mark), start(SLEEPING, secrets.token_hex(8))
    wait_for(lambda: [process.pid for process in members(mark)] == [ours.pid])

    end_all(mark)

    assert ours.wait(5) == -signal.SIGTERM
    assert others.poll() is None


def test_a_child_whose_mark_cannot_be_read_yet_is_ended_too(start: Start, mark: str) -> None:
    child = start(SLEEPING, None)

    end_all(mark, started=[child])

    assert child.wait(5) == -signal.SIGTERM


def test_who_does_not_listen_is_killed(start: Start, mark: str) -> None:
    process = start(DEAF, mark, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"deaf\n"

    end_all(mark, polite_seconds=0.1)

    assert process.wait(5) == -signal.SIGKILL
    process.stdout.close()


def test_a_child_that_has_ended_is_waited_for_no_longer(start: Start, mark: str) -> None:
    child = start("", mark)
    wait_for(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)

    end_all(mark, started=[child])

    assert child.returncode == 0


def test_a_parent_that_ended_all_by_itself_is_not_kept_waiting(
    monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    looks: list[str] = []
    monkeypatch.setattr(watchdog, "end_all", looks.append)
    monkeypatch.setattr(sys, "argv", ["watchdog", mark])
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        for said, expected in ((watchdog.ORDERLY, 1), (b"", 2)):
            looks.clear()
            monkeypatch.setattr(sys, "stdin", Said(said))
            watchdog.main()
            assert looks == [mark] * expected
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Said:
    """A pipe that was closed after some words."""

    def __init__(self, words: bytes) -> None:
        self.buffer = self
        self._words = words

    def read(self) -> bytes:
        return self._words
