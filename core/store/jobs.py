"""Records, events and outcomes of jobs."""

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
from core.store.serialization import decode_document, encode_document

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
            is_final=lambda header: header.status.is_final,
        )

    def save(self, record: JobRecord) -> None:
        """Write a record atomically, replacing the previous one.

        Raises:
            InvalidInput: The job id is not a valid identifier.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        self._backend.write(
            _key(names.validate_identifier("/job_id", record.job_id), _RECORD), encode_document(record)
        )

    def create(self, record: JobRecord) -> bool:
        """Write the first record of a job, and return whether it did not exist before.

        Raises:
            InvalidInput: The job id is not a valid identifier.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        return self._backend.create(
            _key(names.validate_identifier("/job_id", record.job_id), _RECORD), encode_document(record)
        )

    def save_outcome(self, job_id: str, report: Report) -> Report:
        """Save the outcome of a job, once for all attempts at it.

        Returns:
            The outcome: this report, or that of an earlier attempt at the job.

        Raises:
            InvalidInput: The job id is not a valid identifier.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        if self._backend.create(
            _key(names.validate_identifier("/job_id", job_id), _OUTCOME), encode_document(report)
        ):
            return report
        return self.load_outcome(job_id) or report

    def load_outcome(self, job_id: str) -> Report | None:
        """Return the outcome of a job, or None if no attempt at it has saved one.

        Raises:
            NotFound: The job id is not a valid identifier.
            CorruptArtifact: The outcome is invalid.
        """
        data = self._backend.read(_key(names.require_identifier("job", job_id), _OUTCOME))
        return None if data is None else decode_document(Report, data, name=f"the outcome of job {job_id}")

    def load(self, job_id: str) -> JobRecord:
        """Return the record of a job.

        Raises:
            NotFound: The job does not exist.
            CorruptArtifact: The record is invalid, or is that of another job.
        """
        data = self._backend.read(_key(names.require_identifier("job", job_id), _RECORD))
        if data is None:
            raise NotFound(f"there is no job {job_id!r}")
        return _record(data, job_id)

    def append_events(self, job_id: str, events: Sequence[JobEvent]) -> None:
        """Append to the event log of a job.

        Each call is flushed to the disk, so frequent events should be batched. Only one process at a time may
        append to a job: its worker.

        Raises:
            InvalidInput: The job id is not a valid identifier.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        key = _key(names.validate_identifier("/job_id", job_id), "events.jsonl")
        if events:
            self._backend.append(key, b"".join(encode_document(event) for event in events))

    def events(self, job_id: str) -> list[JobEvent]:
        """Return the event log of a job, oldest first; empty if there are no events.

        Lines that are incomplete, because their writer was killed, are logged and skipped.

        Raises:
            NotFound: The job id is not a valid identifier.
        """
        key = _key(names.require_identifier("job", job_id), "events.jsonl")
        lines = (self._backend.read(key) or b"").split(b"\n")
        return [event for line in lines if line and (event := _event(line, key)) is not None]

    def list(
        self, *, where: Callable[[JobHeader], bool] | None = None, limit: int | None = None
    ) -> list[JobRecord]:
        """Return jobs, newest first; invalid records are logged and skipped.

        Args:
            where: Filter on the headers; None for all jobs. Filtering here instead of on the result makes a
                page out of thousands of jobs cheap.
            limit: Maximum number of jobs; None for no limit.

        Raises:
            StoreUnavailable: The store cannot be read.
        """
        headers = filter(where, self._listing.read("jobs"))
        records: list[JobRecord] = []
        while batch := list(islice(headers, None if limit is None else limit - len(records))):
            records.extend(self._read_valid(header.job_id for header in batch))
        return records

    def _read_valid(self, job_ids: Iterable[str]) -> Iterable[JobRecord]:
        """Yield the records that are valid."""
        ids_by_key = {_key(job_id, _RECORD): job_id for job_id in job_ids}
        for key, data in self._backend.read_many(list(ids_by_key)).items():
            try:
                yield _record(data, ids_by_key[key])
            except CorruptArtifact as error:
                _log.warning("%s", error)


def _record(data: bytes, job_id: str) -> JobRecord:
    """Parse the record of a job.

    Raises:
        CorruptArtifact: It is invalid, or is that of another job.
    """
    record = decode_document(JobRecord, data, name=f"the record of job {job_id}")
    if record.job_id != job_id:
        raise CorruptArtifact(f"job {job_id} holds the record of {record.job_id}")
    return record


def _key(job_id: str, file: str) -> str:
    return f"jobs/{job_id}/{file}"


def _event(line: bytes, key: str) -> JobEvent | None:
    """Return the event on a line, or None if the line is incomplete."""
    try:
        return decode_document(JobEvent, line, name=f"a line of {key}")
    except CorruptArtifact as error:
        _log.warning("%s", error)
        return None
