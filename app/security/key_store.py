"""The key file: one JSON object per line, replaced atomically, reloaded when it changes."""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import structlog
from pydantic import ValidationError

from app.security.api_keys import KeyRing, StoredKey
from core.contracts.field_faults import PLAIN_WORDS
from core.errors import Fault, InvalidInput
from core.system.atomic_files import atomic_file
from core.system.file_lock import file_lock

log = structlog.get_logger(__name__)

Stamp = tuple[int, int, int, int]
"""Inode, size, mtime and ctime (ns): at least one differs after a change of the file."""

READABLE: Final = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP
"""The widest permissions that a replaced file keeps."""


class KeyStore:
    """The keys of a file; a change takes effect at the next request.

    Args:
        path: The file.

    Raises:
        InvalidInput: The file cannot be read, or has faults: all of them, with their lines.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = _stamp(path)
        self._ring = KeyRing(read_keys(path))
        if not len(self._ring):
            log.warning("the file of keys is empty, so that every key is refused", file=str(path))

    def current_keys(self) -> KeyRing:
        """Return the valid keys, reloading the file if it has changed.

        If the file has become invalid or was removed, the previous keys stay valid, so that a mistake in it
        locks no client out; the fault is logged once. To refuse every key, empty the file.
        """
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            self._reload()
        return self._ring

    def _reload(self) -> None:
        try:
            self._ring = KeyRing(read_keys(self._path))
        except InvalidInput as error:
            faults = [str(fault) for fault in error.faults]
            log.error("the file of keys cannot be used; the keys before it stay", faults=faults)
        else:
            log.info("the file of keys has changed and was read again", keys=len(self._ring))


def read_keys(path: Path) -> tuple[StoredKey, ...]:
    """Read a key file.

    Raises:
        InvalidInput: The file cannot be read, or has faults: all of them, with their lines.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise InvalidInput([Fault(str(path), error.strerror or str(error))]) from error
    except UnicodeDecodeError as error:
        raise InvalidInput([Fault(str(path), f"byte {error.start} is not UTF-8")]) from error
    faults: list[Fault] = []
    keys: dict[str, StoredKey] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{path} line {number}"
        try:
            key = StoredKey.model_validate_json(line)
        except ValidationError as error:
            faults.extend(_faults(place, error))
            continue
        if key.id in keys:
            faults.append(Fault(place, f"the id {key.id} has a line above"))
        keys[key.id] = key
    if faults:
        raise InvalidInput(faults)
    return tuple(keys.values())


@contextlib.contextmanager
def edit_keys(path: Path) -> Iterator[list[StoredKey]]:
    """Yield the keys of a file as a list, and write the list back if the block raises no error.

    Concurrent editors wait for each other. The lock is taken on the folder, so that no lock file remains.

    Args:
        path: The file; it is created if missing.

    Raises:
        InvalidInput: The file exists and is invalid.
        OSError: The file cannot be written.
    """
    target = path.resolve()  # a symbolic link stays a link
    target.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(target.parent, timeout_seconds=None):
        keys = list(read_keys(target)) if target.exists() else []
        yield keys
        _replace(target, keys)


def _replace(path: Path, keys: Sequence[StoredKey]) -> None:
    """Replace the file atomically; a new file is readable by its owner only.

    Owner and group access of the old file are kept: otherwise a key that root revokes would stay valid,
    because the service could not read the new file.
    """
    text = "".join(f"{key.model_dump_json()}\n" for key in keys)
    with atomic_file(path, durable=True, mode=stat.S_IRUSR | stat.S_IWUSR) as temporary:
        temporary.write_text(text, encoding="utf-8")
        # Afterwards: the old mode may not allow its owner to write.
        _copy_permissions(path, temporary)


def _copy_permissions(source: Path, target: Path) -> None:
    """Give a new file the owner of the old one, if there is one, and read access for the same group."""
    try:
        status = source.stat()
    except FileNotFoundError:
        return
    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(target, status.st_uid, status.st_gid)
    target.chmod(stat.S_IMODE(status.st_mode) & READABLE)


def _faults(place: str, error: ValidationError) -> Iterator[Fault]:
    """Yield the faults of a line without its values: one of them may be a key that was pasted in."""
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        field = "/".join(str(step) for step in fault["loc"])
        detail = PLAIN_WORDS.get(fault["type"], fault["msg"])
        yield Fault(place, f"{field}: {detail}" if field else detail)


def _stamp(path: Path) -> Stamp | None:
    """Return the stamp of a file, or None if it cannot be read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
