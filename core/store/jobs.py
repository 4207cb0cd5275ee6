"""The durable records of jobs, and their histories."""

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from core.contracts.jobs import JobEvent, JobRecord
from core.contracts.reports import Report
from core.errors import CorruptArtifact, NotFound
from core.store import names
from core.store.backend import Backend
from core.store.job_headers import JobHeader
from core.store.listing import Listing
from core.store.serialization import decoded, encoded

_log = logging.getLogger(__name__)

_RECORD = "job.json"
_OUTCOME = "outcome.json"


class Jobs:
    """The jobs of a store."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._listing = Listing(
            backend,
            file=_RECORD,
            model=JobHeader,
            name_of=lambda header: header.job_id,
            is_settled=lambda header: header.status.is_final,
        )

    def save(self, record: JobRecord) -> None:
        """Write a record over the one before; a reader sees the one or the other.

        Raises:
            InvalidInput: The job's name is not one that can be stored.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        self._backend.write(_key(names.writable("/job_id", record.job_id), _RECORD), encoded(record))

    def create(self, record: JobRecord) -> bool:
        """Write the first record of a job, and return whether there was none.

        Raises:
            InvalidInput: The job's name is not one that can be stored.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        return self._backend.create(_key(names.writable("/job_id", record.job_id), _RECORD), encoded(record))

    def save_outcome(self, job_id: str, report: Report) -> Report:
        """Write down, once and for all attempts, what a job came to, and return it.

        Returns:
            This report or, if another attempt at the job was first, that one's.

        Raises:
            InvalidInput: The job's name is not one that can be stored.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        if self._backend.create(_key(names.writable("/job_id", job_id), _OUTCOME), encoded(report)):
            return report
        return self.load_outcome(job_id) or report

    def load_outcome(self, job_id: str) -> Report | None:
        """Return what an attempt at a job came to, or None where none came that far.

        Raises:
            NotFound: No job can have such a name.
            CorruptArtifact: It cannot be read.
        """
        data = self._backend.read(_key(names.existing("job", job_id), _OUTCOME))
        return None if data is None else decoded(Report, data, name=f"the outcome of job {job_id}")

    def load(self, job_id: str) -> JobRecord:
        """Return the record of a job.

        Raises:
            NotFound: There is no such job.
            CorruptArtifact: The record cannot be read, or is another's.
        """
        data = self._backend.read(_key(names.existing("job", job_id), _RECORD))
        if data is None:
            raise NotFound(f"there is no job {job_id!r}")
        return _record(data, job_id)

    def append_events(self, job_id: str, events: Sequence[JobEvent]) -> None:
        """Add to the history of a job.

        Every call is written through to the disk, so events that come fast are better brought
        several at a time. One process at a time appends to a job: its worker.

        Raises:
            InvalidInput: The job's name is not one that can be stored.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        key = _key(names.writable("/job_id", job_id), "events.jsonl")
        if events:
            self._backend.append(key, b"".join(encoded(event) for event in events))

    def events(self, job_id: str) -> list[JobEvent]:
        """Return the history of a job, oldest first; empty where nothing has happened.

        A line that a killed writer tore is logged and left out.

        Raises:
            NotFound: No job can have such a name.
        """
        key = _key(names.existing("job", job_id), "events.jsonl")
        lines = (self._backend.read(key) or b"").split(b"\n")
        return [event for line in lines if line and (event := _event(line, key)) is not None]

    def list(
        self, *, where: Callable[[JobHeader], bool] | None = None, limit: int | None = None
    ) -> list[JobRecord]:
        """Return jobs, newest first; a record that cannot be read is logged and left out.

        Args:
            where: Which jobs, by what a header tells; None for all. Choosing here, not afterwards,
                is what makes a page out of thousands cheap.
            limit: At most so many; None for all.

        Raises:
            StoreUnavailable: The store cannot be read.
        """
        chosen = filter(where, self._listing.read("jobs"))
        records: list[JobRecord] = []
        while batch := list(islice(chosen, None if limit is None else limit - len(records))):
            records.extend(self._readable(header.job_id for header in batch))
        return records

    def _readable(self, job_ids: Iterable[str]) -> Iterable[JobRecord]:
        """Yield those of the records that can be read."""
        names_of = {_key(job_id, _RECORD): job_id for job_id in job_ids}
        for key, data in self._backend.read_many(list(names_of)).items():
            try:
                yield _record(data, names_of[key])
            except CorruptArtifact as error:
                _log.warning("%s", error)


def _record(data: bytes, job_id: str) -> JobRecord:
    """Return the record of a job.

    Raises:
        CorruptArtifact: It cannot be read, or is another's.
    """
    record = decoded(JobRecord, data, name=f"the record of job {job_id}")
    if record.job_id != job_id:
        raise CorruptArtifact(f"job {job_id} holds the record of {record.job_id}")
    return record


def _key(job_id: str, file: str) -> str:
    return f"jobs/{job_id}/{file}"


def _event(line: bytes, key: str) -> JobEvent | None:
    """Return the event on a line, or None if it is torn."""
    try:
        return decoded(JobEvent, line, name=f"a line of {key}")
    except CorruptArtifact as error:
        _log.warning("%s", error)
        return None
