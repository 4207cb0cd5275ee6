"""Listing of all records of a kind, with a cache of unchanged ones."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic, TypeVar

from core.contracts.reports import CheckpointManifest
from core.errors import CorruptArtifact
from core.store.backend import Backend
from core.store.job_headers import JobHeader
from core.store.names import is_identifier
from core.store.serialization import decode_document

_log = logging.getLogger(__name__)

Record = TypeVar("Record", bound=JobHeader | CheckpointManifest)


class Listing(Generic[Record]):
    """The records `<folder>/<name>/<file>` of one kind.

    Lists of thousands of records are requested often and rarely change, so final records are cached with the
    stamp of their file. Records that are not final are read every time, because two writes within one tick of
    the clock can leave the same stamp.

    Args:
        backend: The storage.
        file: Name of the file that contains the record.
        model: Class of the record.
        name_of: Returns the name of a record, which must be that of its folder.
        is_final: Returns whether a record will not change any more.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        file: str,
        model: type[Record],
        name_of: Callable[[Record], str],
        is_final: Callable[[Record], bool],
    ) -> None:
        self._backend = backend
        self._file = file
        self._model = model
        self._name_of = name_of
        self._is_final = is_final
        self._cache: dict[str, tuple[str, Record]] = {}

    def read(self, folder: str) -> list[Record]:
        """Return the records in a folder, newest first; invalid records are logged and skipped."""
        stamps = {
            f"{folder}/{name}/{self._file}": stamp
            for name, stamp in self._backend.stamps(folder, self._file).items()
            if is_identifier(name)
        }
        records = self._unchanged(stamps)
        missing = [key for key in stamps if key not in records]
        for key, data in self._backend.read_many(missing).items():
            record = self._decode(key, data)
            if record is not None:
                records[key] = record
        self._update_cache(folder, stamps, records)
        return sorted(records.values(), key=self._age)

    def _unchanged(self, stamps: dict[str, str]) -> dict[str, Record]:
        """Return the cached records whose file has the same stamp as before."""
        entries = ((key, self._cache.get(key)) for key in stamps)
        return {key: entry[1] for key, entry in entries if entry is not None and entry[0] == stamps[key]}

    def _decode(self, key: str, data: bytes) -> Record | None:
        """Return the record of a file, or None if it is invalid."""
        try:
            record = decode_document(self._model, data, name=key)
        except CorruptArtifact as error:
            _log.warning("%s", error)
            return None
        if self._name_of(record) != key.split("/")[-2]:
            _log.warning("%s holds the record of %s", key, self._name_of(record))
            return None
        return record

    def _update_cache(self, folder: str, stamps: dict[str, str], records: dict[str, Record]) -> None:
        """Cache the final records of a folder, and drop the removed ones."""
        final = {key: (stamps[key], record) for key, record in records.items() if self._is_final(record)}
        others = {key: entry for key, entry in self._cache.items() if not key.startswith(f"{folder}/")}
        self._cache = others | final

    def _age(self, record: Record) -> tuple[float, str]:
        """Return the sort key: newest first, then by name."""
        return -_moment(record.created_at).timestamp(), self._name_of(record)


def _moment(when: datetime) -> datetime:
    """Return a time zone aware time; UTC if it has no time zone."""
    return when if when.tzinfo else when.replace(tzinfo=UTC)
