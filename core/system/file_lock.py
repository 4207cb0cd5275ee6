"""Exclusive advisory locks on files and folders (``flock``)."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

POLL_SECONDS: Final = 0.02


class FileLockTimeout(Exception):
    """The lock is held by another process, and was not released in time."""


def acquire_lock(
    path: Path,
    *,
    timeout_seconds: float | None,
    mode: int = 0o600,
    keep_waiting: Callable[[], bool] = lambda: True,
) -> int:
    """Take the exclusive lock on a file or folder.

    Args:
        path: A folder that exists, or a file, which is created if it does not.
        timeout_seconds: How long to wait for the lock; 0 to try once, None to wait without a limit.
        mode: Permissions of a file that is created.
        keep_waiting: Called after each refused attempt that a limit applies to; False ends the wait early.

    Returns:
        The file descriptor that holds the lock. The lock is released when it is closed, in this process and
        in every process that inherited it.

    Raises:
        FileLockTimeout: Another holder did not release the lock in time.
        OSError: The file cannot be opened.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags, mode)
    try:
        if timeout_seconds is None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        else:
            _poll(descriptor, path, time.monotonic() + timeout_seconds, keep_waiting)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def file_lock(path: Path, *, timeout_seconds: float | None, mode: int = 0o600) -> Iterator[int]:
    """Hold the exclusive lock on a file or folder for a block.

    The arguments and errors are those of `acquire_lock`.

    Yields:
        The file descriptor that holds the lock.
    """
    descriptor = acquire_lock(path, timeout_seconds=timeout_seconds, mode=mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _poll(descriptor: int, path: Path, deadline: float, keep_waiting: Callable[[], bool]) -> None:
    """Try to lock until it succeeds, the deadline has passed or the caller stops waiting."""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline or not keep_waiting():
                raise FileLockTimeout(f"{path} is locked by another process") from None
            time.sleep(POLL_SECONDS)
        else:
            return
