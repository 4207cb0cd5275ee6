"""Many records at once, each read again only when its file changed."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic, TypeVar

from core.contracts.reports import CheckpointManifest
from core.errors import CorruptArtifact
from core.store.backend import Backend
from core.store.job_headers import JobHeader
from core.store.names import is_identifier
from core.store.serialization import decoded

_log = logging.getLogger(__name__)

Record = TypeVar("Record", bound=JobHeader | CheckpointManifest)


class Listing(Generic[Record]):
    """The records `<folder>/<name>/<file>` of one kind.

    A list of thousands is asked for again and again while next to nothing in it changes, so a record
    that is settled is kept with the stamp of its file. One that still changes is read every time:
    two writes within a tick of the clock can leave the same stamp.

    Args:
        backend: Who keeps the files.
        file: The file that holds the record, and without which there is none.
        model: What it holds.
        name_of: The record's own name, which must be its folder's.
        is_settled: Whether the record is expected to stay as it is.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        file: str,
        model: type[Record],
        name_of: Callable[[Record], str],
        is_settled: Callable[[Record], bool],
    ) -> None:
        self._backend = backend
        self._file = file
        self._model = model
        self._name_of = name_of
        self._is_settled = is_settled
        self._kept: dict[str, tuple[str, Record]] = {}

    def read(self, folder: str) -> list[Record]:
        """Return the records in a folder, newest first; what cannot be read is logged and left out."""
        stamps = {
            f"{folder}/{name}/{self._file}": stamp
            for name, stamp in self._backend.stamps(folder, self._file).items()
            if is_identifier(name)
        }
        records = self._unchanged(stamps)
        missing = [key for key in stamps if key not in records]
        for key, data in self._backend.read_many(missing).items():
            record = self._decoded(key, data)
            if record is not None:
                records[key] = record
        self._keep(folder, stamps, records)
        return sorted(records.values(), key=self._age)

    def _unchanged(self, stamps: dict[str, str]) -> dict[str, Record]:
        """Return those we hold whose file still has the stamp that it had."""
        kept = ((key, self._kept.get(key)) for key in stamps)
        return {key: known[1] for key, known in kept if known is not None and known[0] == stamps[key]}

    def _decoded(self, key: str, data: bytes) -> Record | None:
        """Return the record, or None if the bytes are not one."""
        try:
            record = decoded(self._model, data, name=key)
        except CorruptArtifact as error:
            _log.warning("%s", error)
            return None
        if self._name_of(record) != key.split("/")[-2]:
            _log.warning("%s holds the record of %s", key, self._name_of(record))
            return None
        return record

    def _keep(self, folder: str, stamps: dict[str, str], records: dict[str, Record]) -> None:
        """Keep what is settled, and forget what went away."""
        settled = {key: (stamps[key], record) for key, record in records.items() if self._is_settled(record)}
        others = {key: known for key, known in self._kept.items() if not key.startswith(f"{folder}/")}
        self._kept = others | settled

    def _age(self, record: Record) -> tuple[float, str]:
        """Order newest first, and records of one moment by name."""
        return -_moment(record.created_at).timestamp(), self._name_of(record)


def _moment(when: datetime) -> datetime:
    """Return a time that can be compared; one without a zone is in UTC, as we write them."""
    return when if when.tzinfo else when.replace(tzinfo=UTC)
