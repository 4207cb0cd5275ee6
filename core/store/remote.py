"""The store behind an fsspec URL: an object store, where a put is atomic."""

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

    A reader sees an object whole or not at all because the stores promise it of a put. Exclusive
    creation is the store's own conditional put where its fsspec package has one (S3, GCS, Azure do);
    elsewhere it is a look before a put, safe among the threads of one process only.

    Args:
        url: Any fsspec URL. The bucket, or whatever its root is, must exist: it is not ours to make.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: tuple[int, Any, str] | None = None
        self._lock = threading.Lock()

    def read(self, key: str) -> bytes | None:
        """Return the whole file, or None if there is none."""
        files, path = self._locate(key)
        with translate_storage_errors("read", key):
            try:
                return bytes(files.cat_file(path))
            except FileNotFoundError:
                return None

    def read_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return those of the files that can be read, fetched side by side."""
        if not keys:
            return {}
        files, _ = self._locate("")
        paths = {self._locate(key)[1]: key for key in keys}
        with translate_storage_errors("read", "many files"):
            answers = files.cat(list(paths), on_error="return")
        found = {}
        for path, key in paths.items():
            answer = answers.get(path)
            if isinstance(answer, bytes):
                found[key] = answer
            else:
                _log.warning("cannot read %s: %s", key, type(answer).__name__)
        return found

    def write(self, key: str, data: bytes) -> None:
        """Put an object in place, over what is there."""
        files, path = self._locate(key)
        with translate_storage_errors("write", key):
            self._put(path, lambda: files.pipe_file(path, data))

    def create(self, key: str, data: bytes) -> bool:
        """Put an object in place only if there is none."""
        files, path = self._locate(key)
        with translate_storage_errors("write", key), self._lock:
            try:
                self._put(path, lambda: files.pipe_file(path, data, mode="create"))
            except OSError:
                # Some stores tell a lost race as another error, and a lost answer may be a put
                # that worked: what is there now decides.
                there = self.read(key)
                if there is None:
                    raise
                return there == data
            return True

    def append(self, key: str, lines: bytes) -> None:
        """Put the object again with the lines at its end, for objects cannot grow.

        Two processes that append to one object at once may lose a line.
        """
        with self._lock:
            before = self.read(key) or b""
            torn = b"\n" if before and not before.endswith(b"\n") else b""
            self.write(key, before + torn + lines)

    def upload(self, key: str, source: Path) -> None:
        """Put a copy of a local file in place."""
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
        """Return each child that holds the object `name` → all the store tells of that object."""
        found = {}
        for key, details in self._below(folder).items():
            child, _, rest = key.partition("/")
            if rest == name:
                found[child] = str(details)
        return found

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        files, path = self._locate(key)
        with translate_storage_errors("remove", key):
            try:
                files.rm_file(path)
            except FileNotFoundError:
                return

    def remove_all(self, folder: str) -> None:
        """Remove every object below a folder."""
        files, path = self._locate(folder)
        with translate_storage_errors("remove", folder):
            try:
                files.rm(path, recursive=True)
            except FileNotFoundError:
                return

    def folder(self, key: str) -> Path | None:  # noqa: ARG002 (the protocol's)
        """Return None: nothing here has a local path."""
        return None

    def _below(self, folder: str) -> dict[str, Any]:
        """Return key → details of every object below a folder that is not hidden."""
        files, path = self._locate(folder)
        with translate_storage_errors("list", folder):
            try:
                found: dict[str, Any] = files.find(path, detail=True)
            except FileNotFoundError:
                return {}
        keys = {name.removeprefix(path).lstrip("/"): details for name, details in found.items()}
        return {
            key: keys[key] for key in keys if key and not any(part.startswith(".") for part in key.split("/"))
        }

    def _put(self, path: str, put: Callable[[], object]) -> None:
        """Put, and make the folders above first where the store has real ones and they are missing."""
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
        """Return process, file system and root, made anew after a fork.

        A connection and its event loop do not survive a fork, and every job runs in one.
        """
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), *_open(self._url))
        return self._opened


def _open(url: str) -> tuple[Any, str]:
    """Return the file system behind a URL and our root in it.

    Raises:
        StoreUnavailable: The kind of URL is unknown, its package is missing, or nobody answers.
    """
    scheme = url.partition("://")[0]
    try:
        with translate_storage_errors("open", f"the {scheme} store"):
            # Others write too: a cached listing would hide what they wrote.
            files, root = url_to_fs(url, use_listings_cache=False)  # type: ignore[no-untyped-call]
    except (ImportError, ValueError) as error:
        raise StoreUnavailable(f"cannot open the {scheme} store: {error}") from error
    return files, str(root).rstrip("/")
