"""The file of keys: one JSON object a line, replaced as a whole, read again when it changes."""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog
from pydantic import ValidationError

from app.parsing.validation_errors import PLAIN_WORDS
from app.security.api_keys import KeyRing, StoredKey
from core.errors import Fault, InvalidInput

log = structlog.get_logger(__name__)

Stamp = tuple[int, int, int, int]
"""Inode, size, time of the content and time of the inode: one of them changes with the file."""


READABLE = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP
"""The most that a mode may allow."""


class KeyStore:
    """The keys of a file; a change is seen by the next request.

    Args:
        path: The file.

    Raises:
        InvalidInput: It cannot be read, or has faults: all of them, with their lines.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = _stamp(path)
        self._ring = KeyRing(read_keys(path))
        if not len(self._ring):
            log.warning("the file of keys holds none, so that nobody is let in", file=str(path))

    def ring(self) -> KeyRing:
        """Return the keys that are good now.

        A file that has become faulty, or has gone, changes nothing: a slip of the pen must not lock everybody
        out. It is logged once. To let nobody in, leave the file empty.
        """
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            self._read_again()
        return self._ring

    def _read_again(self) -> None:
        try:
            self._ring = KeyRing(read_keys(self._path))
        except InvalidInput as error:
            faults = [str(fault) for fault in error.faults]
            log.error("the file of keys cannot be used; the keys before it stay", faults=faults)
        else:
            log.info("the file of keys has changed and was read again", keys=len(self._ring))


def read_keys(path: Path) -> tuple[StoredKey, ...]:
    """Read a file of keys.

    Raises:
        InvalidInput: It cannot be read, or has faults: all of them, with their lines.
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
def changing(path: Path) -> Iterator[list[StoredKey]]:
    """Hold the keys of a file, to change the list; it is written when the block ends well.

    Two that change it at once wait for each other: their lock is on the folder, so that none is left behind.

    Raises:
        InvalidInput: The file is there and cannot be used.
        OSError: It cannot be written.
    """
    target = path.resolve()  # a link stays one
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        keys = list(read_keys(target)) if target.exists() else []
        yield keys
        _replace(target, keys)
        os.fsync(folder)
    finally:
        os.close(folder)


def _replace(path: Path, keys: Sequence[StoredKey]) -> None:
    """Write a whole file in place of the old one, for its owner's eyes only.

    Who could read the old one still can: else a key revoked by root would stay good, for the service could
    not read the file that says so.
    """
    text = "".join(f"{key.model_dump_json()}\n" for key in keys)
    # A file of mkstemp has the mode 0600 from its first moment.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123  it is open already
            _let_read_as_before(path, descriptor)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _let_read_as_before(path: Path, descriptor: int) -> None:
    """Give a new file the owner of the old one, if there is one, and let the same group read it."""
    try:
        old = path.stat()
    except FileNotFoundError:
        return
    if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode) & READABLE)


def _faults(place: str, error: ValidationError) -> Iterator[Fault]:
    """Tell what is wrong with a line, but never its values: one may be a key that was pasted in."""
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        field = "/".join(str(step) for step in one["loc"])
        detail = PLAIN_WORDS.get(one["type"], one["msg"])
        yield Fault(place, f"{field}: {detail}" if field else detail)


def _stamp(path: Path) -> Stamp | None:
    """Return what changes whenever the file does, or None if it cannot be seen."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
