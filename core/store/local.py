"""The store in a local folder: temporary name, fsync, rename."""

import errno
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from core.errors import StoreUnavailable
from core.store.error_translation import translate_storage_errors

_log = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 20


class LocalBackend:
    """Files in a folder, safe against a writer that is killed at any moment.

    Args:
        root: The folder; made by the first write.
    """

    def __init__(self, root: Path) -> None:
        # Absolute now, so that a later change of the working directory moves nothing.
        self._root = root.absolute()

    def read(self, key: str) -> bytes | None:
        """Return the whole file, or None if there is none."""
        with translate_storage_errors("read", key):
            try:
                return self._path(key).read_bytes()
            except FileNotFoundError:
                return None

    def read_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return those of the files that can be read."""
        found = {}
        for key in keys:
            try:
                data = self.read(key)
            except StoreUnavailable as error:
                _log.warning("%s", error)
                continue
            if data is not None:
                found[key] = data
        return found

    def write(self, key: str, data: bytes) -> None:
        """Put a file in place with one rename, over what is there."""
        with translate_storage_errors("write", key):
            self._replace(key, [data])

    def create(self, key: str, data: bytes) -> bool:
        """Put a file in place with a hard link, which unlike a rename fails if one is there."""
        path = self._path(key)
        with translate_storage_errors("write", key), _staged(path, [data]) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            _sync_folder(path.parent)
            return True

    def append(self, key: str, lines: bytes) -> None:
        """Add whole lines to a file; a line that a killed writer tore stays alone."""
        path = self._path(key)
        with translate_storage_errors("append to", key):
            _make_folder(path.parent)
            with path.open("a+b") as file:
                write_durably(file, [b"\n", lines] if _ends_torn(file) else [lines])

    def upload(self, key: str, source: Path) -> None:
        """Put a copy of a local file in place, a piece at a time."""
        with translate_storage_errors("write", key), source.open("rb") as file:
            self._replace(key, iter(lambda: file.read(_CHUNK_BYTES), b""))

    def download(self, key: str, target: Path) -> None:
        """Copy a file to a local path."""
        with translate_storage_errors("read", key):
            shutil.copyfile(self._path(key), target)

    def files(self, folder: str) -> list[str]:
        """Return the keys below a folder, relative to it and sorted."""
        with translate_storage_errors("list", folder):
            return sorted(_walk(self._path(folder), ""))

    def stamps(self, folder: str, name: str) -> Mapping[str, str]:
        """Return each child that holds the file `name` → inode, time and size of that file."""
        with translate_storage_errors("list", folder):
            return {
                child: stamp
                for child in _children(self._path(folder))
                if (stamp := self._stamp(folder, child, name))
            }

    def remove(self, key: str) -> None:
        """Remove a file, if it is there; written through, for what is removed next may need it gone."""
        path = self._path(key)
        with translate_storage_errors("remove", key), suppress(FileNotFoundError):
            path.unlink()
            _sync_folder(path.parent)

    def remove_all(self, folder: str) -> None:
        """Remove a folder with everything in it."""
        with translate_storage_errors("remove", folder), suppress(FileNotFoundError):
            shutil.rmtree(self._path(folder))

    def folder(self, key: str) -> Path | None:
        """Return the local path of a folder."""
        return self._path(key)

    def _path(self, key: str) -> Path:
        return self._root / key

    def _replace(self, key: str, chunks: Iterable[bytes]) -> None:
        path = self._path(key)
        with _staged(path, chunks) as temporary:
            temporary.replace(path)
            _sync_folder(path.parent)

    def _stamp(self, folder: str, child: str, name: str) -> str | None:
        """Return the stamp of one file, or None if it is not there."""
        try:
            status = os.stat(self._root / folder / child / name)  # noqa: PTH116 (twice as fast)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return f"{status.st_ino} {status.st_mtime_ns} {status.st_size}"


def write_durably(file: BinaryIO, chunks: Iterable[bytes]) -> None:
    """Write all of it through to the disk; the one function here that writes bytes."""
    for chunk in chunks:
        file.write(chunk)
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def _staged(path: Path, chunks: Iterable[bytes]) -> Iterator[Path]:
    """Write beside `path`, under a name that is never listed; what is left of it goes afterwards."""
    _make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            write_durably(file, chunks)
        yield temporary
    finally:
        # Failing to tidy must not hide why the write failed.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each written through to the disk."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Write a folder's list of names through to the disk, where its file system knows how."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def _ends_torn(file: BinaryIO) -> bool:
    """Tell whether the last line has no end."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _children(folder: Path) -> list[str]:
    """Return the names in a folder that are not hidden; none if there is no folder."""
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]  # noqa: PTH208
    except FileNotFoundError:
        return []


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    """Yield the files below a folder as keys relative to the first one."""
    for child in _children(folder):
        if (folder / child).is_dir():
            yield from _walk(folder / child, f"{prefix}{child}/")
        else:
            yield prefix + child
