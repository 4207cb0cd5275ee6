"""Watchdog process: ends every process of a stack once the process that started the stack is gone.

A parent that is killed by SIGKILL cannot clean up, and a training process outlives the worker that forked
it. Every process of a stack therefore carries a mark in its environment, which its children inherit. The
watchdog waits on a pipe whose other end only the parent holds; when the pipe closes, for whatever reason,
it ends every process that still carries the mark.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Final

import psutil

MARK: Final = "XMETRA_STACK_MARK"
"""The environment variable that identifies the stack a process belongs to."""

POLITE_SECONDS: Final = 5.0
"""The time between the first SIGTERM and SIGKILL."""

INSIST_AFTER_SECONDS: Final = 1.5
"""A worker takes the first SIGTERM as "finish your job", the second as "stop now"."""

KILLING_SECONDS: Final = 5.0
"""How long SIGKILL is repeated; a process that survives it is stuck in the kernel."""

POLL_SECONDS: Final = 0.05

ORDERLY: Final = b"ended"
"""What the parent writes to the pipe after it has ended all processes itself."""

STARTING_SECONDS: Final = 0.5
"""A process that is just starting exposes its environment after this time at most."""


def members(mark: str) -> list[psutil.Process]:
    """Return every living process that carries the mark, except the calling process."""
    marked = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                marked.append(process)
        except (psutil.Error, OSError):
            continue  # ended meanwhile, a zombie, or another user's
    return marked


def end_all(
    mark: str, *, started: Iterable[subprocess.Popen[bytes]] = (), polite_seconds: float = POLITE_SECONDS
) -> None:
    """End every process that carries the mark: SIGTERM twice, then SIGKILL.

    SIGTERM goes only to processes whose parent is not marked: a worker that is terminated closes the record
    of its job, which fails if the job's process was terminated before.

    Args:
        mark: The value of the mark.
        started: Children of the caller that carry the mark. A child that has just been started runs before
            its environment can be read, so `members` may miss it.
        polite_seconds: How long to wait before SIGKILL.
    """
    children = list(started)
    started_at = time.monotonic()
    _send(_parents(_remaining(mark, children)), signal.SIGTERM)
    insisted = False
    while remaining := _remaining(mark, children):
        waited = time.monotonic() - started_at
        if waited > polite_seconds + KILLING_SECONDS:
            return
        if waited > polite_seconds:
            _send(remaining, signal.SIGKILL)
        elif waited > INSIST_AFTER_SECONDS and not insisted:
            _send(_parents(remaining), signal.SIGTERM)
            insisted = True
        time.sleep(POLL_SECONDS)


def _remaining(mark: str, children: Iterable[subprocess.Popen[bytes]]) -> list[psutil.Process]:
    """Return the marked processes, and the children that have not ended."""
    marked = members(mark)
    marked_ids = {process.pid for process in marked}
    unmarked = [child.pid for child in children if child.poll() is None and child.pid not in marked_ids]
    return marked + [psutil.Process(pid) for pid in unmarked]


def _parents(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return the processes whose parent is not among them."""
    ids = {process.pid for process in processes}
    parents = []
    for process in processes:
        try:
            if process.ppid() not in ids:
                parents.append(process)
        except psutil.Error:
            continue
    return parents


def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Signal each process that still exists (psutil checks that its id was not reused)."""
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue


def main() -> None:
    """Wait for the parent to end, then end its stack."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    mark = sys.argv[1]
    was_orderly = sys.stdin.buffer.read() == ORDERLY
    end_all(mark)
    if not was_orderly:
        time.sleep(STARTING_SECONDS)
        end_all(mark)


if __name__ == "__main__":
    main()
