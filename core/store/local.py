"""Storage backend for a local folder, with atomic and durable writes."""

import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from core.errors import StoreUnavailable
from core.store.error_translation import translate_storage_errors
from core.system.atomic_files import atomic_file, sync_folder, write_atomically

_log = logging.getLogger(__name__)


class LocalBackend:
    """Files in a folder; a writer that is killed at any moment leaves no partial file.

    Args:
        root: The folder, created by the first write.
    """

    def __init__(self, root: Path) -> None:
        # Absolute from the start, so that a later change of the working directory has no effect.
        self._root = root.absolute()

    def read(self, key: str) -> bytes | None:
        """Return the content of a file, or None if it does not exist."""
        with translate_storage_errors("read", key):
            try:
                return self._path(key).read_bytes()
            except FileNotFoundError:
                return None

    def read_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return the content of each file that can be read."""
        contents = {}
        for key in keys:
            try:
                data = self.read(key)
            except StoreUnavailable as error:
                _log.warning("%s", error)
                continue
            if data is not None:
                contents[key] = data
        return contents

    def write(self, key: str, data: bytes) -> None:
        """Write a file, replacing an existing one with a rename."""
        path = self._path(key)
        with translate_storage_errors("write", key):
            _make_folder(path.parent)
            write_atomically(path, data, durable=True)

    def create(self, key: str, data: bytes) -> bool:
        """Write a file if it does not exist, and return whether it was written."""
        path = self._path(key)
        with translate_storage_errors("write", key):
            _make_folder(path.parent)
            try:
                write_atomically(path, data, durable=True, overwrite=False)
            except FileExistsError:
                return False
            return True

    def append(self, key: str, lines: bytes) -> None:
        """Append whole lines to a file, on a new line if its last line is incomplete."""
        path = self._path(key)
        with translate_storage_errors("append to", key):
            _make_folder(path.parent)
            with path.open("a+b") as file:
                file.write(b"\n" + lines if _ends_mid_line(file) else lines)
                file.flush()
                os.fsync(file.fileno())

    def upload(self, key: str, source: Path) -> None:
        """Copy a local file into the store."""
        path = self._path(key)
        with translate_storage_errors("write", key):
            _make_folder(path.parent)
            with atomic_file(path, durable=True) as temporary:
                shutil.copyfile(source, temporary)

    def download(self, key: str, target: Path) -> None:
        """Copy a file to a local path."""
        with translate_storage_errors("read", key):
            shutil.copyfile(self._path(key), target)

    def files(self, folder: str) -> list[str]:
        """Return the keys below a folder, relative to it and sorted."""
        with translate_storage_errors("list", folder):
            return sorted(_walk(self._path(folder), ""))

    def stamps(self, folder: str, name: str) -> Mapping[str, str]:
        """Return each child folder that contains the file `name` → inode, modification time and size."""
        with translate_storage_errors("list", folder):
            return {
                child: stamp
                for child in _children(self._path(folder))
                if (stamp := self._stamp(folder, child, name))
            }

    def remove(self, key: str) -> None:
        """Remove a file if it exists; durably, because later removals may depend on the order."""
        path = self._path(key)
        with translate_storage_errors("remove", key), suppress(FileNotFoundError):
            path.unlink()
            sync_folder(path.parent)

    def remove_all(self, folder: str) -> None:
        """Remove a folder with everything in it."""
        with translate_storage_errors("remove", folder), suppress(FileNotFoundError):
            shutil.rmtree(self._path(folder))

    def folder(self, key: str) -> Path | None:
        """Return the local path of a folder."""
        return self._path(key)

    def _path(self, key: str) -> Path:
        return self._root / key

    def _stamp(self, folder: str, child: str, name: str) -> str | None:
        """Return the stamp of one file, or None if it does not exist."""
        try:
            status = os.stat(self._root / folder / child / name)  # noqa: PTH116 (twice as fast)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return f"{status.st_ino} {status.st_mtime_ns} {status.st_size}"


def _make_folder(folder: Path) -> None:
    """Create a folder and its parents durably."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def _ends_mid_line(file: BinaryIO) -> bool:
    """Return whether the last line of a file has no line break, as a killed writer leaves it."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _children(folder: Path) -> list[str]:
    """Return the names in a folder that are not hidden; none if the folder does not exist."""
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]  # noqa: PTH208
    except FileNotFoundError:
        return []


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    """Yield the files below a folder as keys relative to the first folder."""
    for child in _children(folder):
        if (folder / child).is_dir():
            yield from _walk(folder / child, f"{prefix}{child}/")
        else:
            yield prefix + child
