"""Exclusive lock on a data folder: two stacks in one folder would write the same files."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from app.devstack.errors import FolderInUse
from core.system.file_lock import FileLockTimeout, acquire_lock

LOCK_FILE: Final = "lock"

HANDOVER_SECONDS: Final = 10.0
"""A stack whose parent was killed needs a moment to end; a new stack waits this long for the lock."""


@contextlib.contextmanager
def claim(folder: Path, *, wait_seconds: float = HANDOVER_SECONDS) -> Iterator[int]:
    """Lock a data folder for the duration of a ``with`` block; it is created if missing.

    Args:
        folder: The folder.
        wait_seconds: How long to wait for a stack that is ending.

    Yields:
        The file descriptor of the lock. A process that inherits it keeps the folder locked until it ends.

    Raises:
        FolderInUse: Another process has locked the folder, or it cannot be created.
    """
    file = folder / LOCK_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = acquire_lock(
            file,
            timeout_seconds=wait_seconds,
            mode=0o644,
            keep_waiting=lambda: not _is_alive(_owner(file)),
        )
    except FileLockTimeout as error:
        raise FolderInUse(
            f"another xmetra (process {_owner(file)}) uses {folder}: "
            "stop it, or name another folder with --data"
        ) from error
    except OSError as error:
        raise FolderInUse(f"the data folder {folder} cannot be used: {error.strerror}") from error
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _owner(file: Path) -> str:
    """Return the process id that the lock's owner wrote into the lock file."""
    return file.read_text(encoding="ascii", errors="replace") or "unknown"


def _is_alive(owner: str) -> bool:
    """Whether a process id is that of a running process; a lock without a living owner is soon released."""
    try:
        return bool(psutil.Process(int(owner)).status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, ValueError):
        return False
