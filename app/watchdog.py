"""Ends every process of a stack once whoever started it is gone.

A parent that is killed outright cannot clean up after itself, and a training process outlives the worker
that forked it. So every process of a stack carries a mark in its environment, which its children inherit,
and one small process waits on a pipe that only the parent holds: when the pipe closes, for whatever
reason, everything that still carries the mark is ended.
"""

import os
import signal
import sys
import time
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


def end_all(mark: str, *, polite_seconds: float = POLITE_SECONDS) -> None:
    """End every process that carries the mark: ask, ask again, then kill.

    Only the parents are asked: a worker that is told to stop closes the record of its job, which it
    cannot do well if the job's process was ended behind its back.

    Args:
        mark: The value of the mark.
        polite_seconds: How long they may take before they are killed.
    """
    started = time.monotonic()
    _send(_parents(members(mark)), signal.SIGTERM)
    insisted = False
    while remaining := members(mark):
        waited = time.monotonic() - started
        if waited > polite_seconds + KILLING_SECONDS:
            return
        if waited > polite_seconds:
            _send(remaining, signal.SIGKILL)
        elif waited > INSIST_AFTER_SECONDS and not insisted:
            _send(_parents(remaining), signal.SIGTERM)
            insisted = True
        time.sleep(POLL_SECONDS)


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
    sys.stdin.buffer.read()
    end_all(mark)


if __name__ == "__main__":
    main()
