"""Atomic replacement of whole files: write under a temporary name, then rename."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def atomic_file(
    path: Path, *, durable: bool = False, mode: int | None = None, overwrite: bool = True
) -> Iterator[Path]:
    """Yield a temporary path whose file becomes `path` when the block ends without an error.

    Readers of `path` see the previous file or the complete new one. If the block or the rename fails, the
    temporary file is removed and `path` is unchanged; a process that is killed leaves a hidden file.

    Args:
        path: The file to write. Its folder must exist.
        durable: Whether to flush the content and the folder entry to the disk (``fsync``), so that the new
            file survives a power failure.
        mode: Exact permissions of the file, set before anything is written; None for the umask's default.
        overwrite: Whether an existing file is replaced.

    Yields:
        An empty file in the same folder. Its name begins with a dot and keeps the extension, because some
        writers (`numpy.savez`) append one that is missing.

    Raises:
        FileExistsError: `path` exists and `overwrite` is False.
        OSError: The file cannot be written.
    """
    temporary = path.with_name(f".{uuid4().hex}.{path.name}")
    temporary.touch(mode=0o666 if mode is None else mode, exist_ok=False)
    try:
        if mode is not None:
            temporary.chmod(mode)
        yield temporary
        if durable:
            _sync_file(temporary)
        if overwrite:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # unlike a rename, fails if `path` exists
        if durable:
            sync_folder(path.parent)
    finally:
        # An error of the removal must not hide why the write failed.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomically(
    path: Path, data: bytes, *, durable: bool = False, mode: int | None = None, overwrite: bool = True
) -> None:
    """Write a whole file at once; the arguments and errors are those of `atomic_file`."""
    with atomic_file(path, durable=durable, mode=mode, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk, if its file system supports that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    """Flush the content of a file to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
