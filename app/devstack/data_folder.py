"""A data folder and the lock on it: one stack a folder, for two would write the same files."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

LOCK_FILE: Final = "lock"

HANDOVER_SECONDS: Final = 10.0
"""A stack whose parent was killed needs a moment to end; a new one waits that long for it."""

POLL_SECONDS: Final = 0.1


class FolderInUse(Exception):
    """Another stack works in the folder, or the folder cannot be used; the message is for people."""


@contextlib.contextmanager
def claim(folder: Path, *, wait_seconds: float = HANDOVER_SECONDS) -> Iterator[int]:
    """Hold a data folder; made if it is not there.

    Args:
        folder: The folder.
        wait_seconds: How long to wait for a stack that is ending.

    Yields:
        The descriptor that holds the lock: who inherits it holds the folder too.

    Raises:
        FolderInUse: Somebody else holds it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise FolderInUse(f"the data folder {folder} cannot be used: {error.strerror}") from error
    try:
        _lock(descriptor, folder, time.monotonic() + wait_seconds)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path, deadline: float) -> None:
    """Take the lock, or tell who has it."""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode() or "unknown"
            if time.monotonic() > deadline or _is_alive(owner):
                raise FolderInUse(
                    f"another xmetra (process {owner}) uses {folder}: "
                    "stop it, or name another folder with --data"
                ) from None
            time.sleep(POLL_SECONDS)
        else:
            return


def _is_alive(owner: str) -> bool:
    """Whether the process that wrote its id into the lock still runs."""
    try:
        return bool(psutil.Process(int(owner)).status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, ValueError):
        return False
