"""Storage backend for object stores, through fsspec."""

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs

from core.errors import StoreUnavailable
from core.store.error_translation import translate_storage_errors

_log = logging.getLogger(__name__)


class RemoteBackend:
    """Files in an object store.

    Writes are atomic because object stores guarantee it for uploads. Exclusive creation uses the store's
    conditional put if its fsspec package supports it (S3, GCS and Azure do); otherwise existence is checked
    before the upload, which is safe among the threads of one process only.

    Args:
        url: An fsspec URL. The bucket, or other root, must exist: it is not created.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: tuple[int, Any, str] | None = None
        self._lock = threading.Lock()

    def read(self, key: str) -> bytes | None:
        """Return the content of an object, or None if it does not exist."""
        files, path = self._locate(key)
        with translate_storage_errors("read", key):
            try:
                return bytes(files.cat_file(path))
            except FileNotFoundError:
                return None

    def read_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return the content of each object that can be read; they are fetched concurrently."""
        if not keys:
            return {}
        files, _ = self._locate("")
        paths = {self._locate(key)[1]: key for key in keys}
        with translate_storage_errors("read", "many files"):
            results = files.cat(list(paths), on_error="return")
        contents = {}
        for path, key in paths.items():
            result = results.get(path)
            if isinstance(result, bytes):
                contents[key] = result
            else:
                _log.warning("cannot read %s: %s", key, type(result).__name__)
        return contents

    def write(self, key: str, data: bytes) -> None:
        """Write an object, replacing an existing one."""
        files, path = self._locate(key)
        with translate_storage_errors("write", key):
            self._put(path, lambda: files.pipe_file(path, data))

    def create(self, key: str, data: bytes) -> bool:
        """Write an object if it does not exist, and return whether it was written."""
        files, path = self._locate(key)
        with translate_storage_errors("write", key), self._lock:
            try:
                self._put(path, lambda: files.pipe_file(path, data, mode="create"))
            except OSError:
                # Some stores report a lost race as another error, and an upload whose response was lost
                # may have succeeded: the stored content decides.
                stored = self.read(key)
                if stored is None:
                    raise
                return stored == data
            return True

    def append(self, key: str, lines: bytes) -> None:
        """Append lines by writing the whole object again, because objects cannot be appended to.

        Lines can be lost if two processes append to an object at the same time.
        """
        with self._lock:
            content = self.read(key) or b""
            line_end = b"\n" if content and not content.endswith(b"\n") else b""
            self.write(key, content + line_end + lines)

    def upload(self, key: str, source: Path) -> None:
        """Copy a local file into the store."""
        files, path = self._locate(key)
        with translate_storage_errors("write", key):
            self._put(path, lambda: files.put_file(str(source), path))

    def download(self, key: str, target: Path) -> None:
        """Copy an object to a local path."""
        files, path = self._locate(key)
        with translate_storage_errors("read", key):
            files.get_file(path, str(target))

    def files(self, folder: str) -> list[str]:
        """Return the keys below a folder, relative to it and sorted."""
        return sorted(self._below(folder))

    def stamps(self, folder: str, name: str) -> Mapping[str, str]:
        """Return each child folder that contains the object `name` → the metadata of that object."""
        stamps = {}
        for key, details in self._below(folder).items():
            child, _, rest = key.partition("/")
            if rest == name:
                stamps[child] = str(details)
        return stamps

    def remove(self, key: str) -> None:
        """Remove an object if it exists."""
        files, path = self._locate(key)
        with translate_storage_errors("remove", key):
            try:
                files.rm_file(path)
            except FileNotFoundError:
                return

    def remove_all(self, folder: str) -> None:
        """Remove all objects below a folder."""
        files, path = self._locate(folder)
        with translate_storage_errors("remove", folder):
            try:
                files.rm(path, recursive=True)
            except FileNotFoundError:
                return

    def folder(self, key: str) -> Path | None:  # noqa: ARG002 (the protocol's)
        """Return None, because objects have no local path."""
        return None

    def _below(self, folder: str) -> dict[str, Any]:
        """Return key → metadata of the objects below a folder that are not hidden."""
        files, path = self._locate(folder)
        with translate_storage_errors("list", folder):
            try:
                objects: dict[str, Any] = files.find(path, detail=True)
            except FileNotFoundError:
                return {}
        keys = {name.removeprefix(path).lstrip("/"): details for name, details in objects.items()}
        return {
            key: keys[key] for key in keys if key and not any(part.startswith(".") for part in key.split("/"))
        }

    def _put(self, path: str, put: Callable[[], object]) -> None:
        """Upload; if that fails for a missing parent folder, create it and try again."""
        try:
            put()
        except FileNotFoundError:
            _, files, root = self._connection()
            if not files.isdir(root):
                raise
            files.makedirs(path.rpartition("/")[0], exist_ok=True)
            put()

    def _locate(self, key: str) -> tuple[Any, str]:
        """Return the file system and the path of a key in it."""
        _, files, root = self._connection()
        return files, f"{root}/{key}"

    def _connection(self) -> tuple[int, Any, str]:
        """Return process id, file system and root; they are created anew after a fork.

        A connection and its event loop do not survive a fork, and each job runs in a forked process.
        """
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), *_open(self._url))
        return self._opened


def _open(url: str) -> tuple[Any, str]:
    """Return the file system of a URL and the root path in it.

    Raises:
        StoreUnavailable: The protocol is unknown, its package is missing, or the server does not respond.
    """
    scheme = url.partition("://")[0]
    try:
        with translate_storage_errors("open", f"the {scheme} store"):
            # A cached listing would hide what other processes write.
            files, root = url_to_fs(url, use_listings_cache=False)  # type: ignore[no-untyped-call]
    except (ImportError, ValueError) as error:
        raise StoreUnavailable(f"cannot open the {scheme} store: {error}") from error
    return files, str(root).rstrip("/")
