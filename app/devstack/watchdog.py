"""Ends every process of a stack once whoever started it is gone.

A parent that is killed outright cannot clean up after itself, and a training process outlives the worker
that forked it. So every process of a stack carries a mark in its environment, which its children inherit,
and one small process waits on a pipe that only the parent holds: when the pipe closes, for whatever
reason, everything that still carries the mark is ended.
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
"""The environment variable that tells which stack a process belongs to."""

POLITE_SECONDS: Final = 5.0
"""What a process gets between being asked to end and being killed."""

INSIST_AFTER_SECONDS: Final = 1.5
"""A worker takes the first SIGTERM as "finish your job", the second as "stop now"."""

KILLING_SECONDS: Final = 5.0
"""After this long of killing, a process that still stands is the kernel's affair."""

POLL_SECONDS: Final = 0.05

ORDERLY: Final = b"ended"
"""What a parent says that has ended all it started by itself."""

STARTING_SECONDS: Final = 0.5
"""A process that is just being started shows its environment after this."""


def members(mark: str) -> list[psutil.Process]:
    """Return every living process that carries the mark, but for the one that asks."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # gone meanwhile, a zombie, or another user's
    return found


def end_all(
    mark: str, *, started: Iterable[subprocess.Popen[bytes]] = (), polite_seconds: float = POLITE_SECONDS
) -> None:
    """End every process that carries the mark: ask, ask again, then kill.

    Only the parents are asked: a worker that is told to stop closes the record of its job, which it
    cannot do well if the job's process was ended behind its back.

    Args:
        mark: The value of the mark.
        started: Children of the caller that carry it. One that was started a moment ago runs already, and
            still has no environment that anybody could read.
        polite_seconds: How long they may take before they are killed.
    """
    children = list(started)
    began = time.monotonic()
    _send(_parents(_remaining(mark, children)), signal.SIGTERM)
    insisted = False
    while remaining := _remaining(mark, children):
        waited = time.monotonic() - began
        if waited > polite_seconds + KILLING_SECONDS:
            return
        if waited > polite_seconds:
            _send(remaining, signal.SIGKILL)
        elif waited > INSIST_AFTER_SECONDS and not insisted:
            _send(_parents(remaining), signal.SIGTERM)
            insisted = True
        time.sleep(POLL_SECONDS)


def _remaining(mark: str, children: Iterable[subprocess.Popen[bytes]]) -> list[psutil.Process]:
    """Return the members, and the children that have not ended."""
    found = members(mark)
    known = {process.pid for process in found}
    waiting = [child.pid for child in children if child.poll() is None and child.pid not in known]
    return found + [psutil.Process(pid) for pid in waiting]


def _parents(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those of the processes that none of the others started."""
    ids = {process.pid for process in processes}
    found = []
    for process in processes:
        try:
            if process.ppid() not in ids:
                found.append(process)
        except psutil.Error:
            continue
    return found


def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Signal each process that is still there (psutil checks that its id was not given to another)."""
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
