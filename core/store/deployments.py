"""Deployments: append-only, numbered records; that with the highest number serves its language."""

import logging
import re
from collections.abc import Iterable
from contextlib import suppress
from itertools import count

from core.contracts.reports import Deployment
from core.contracts.values import TaskName, now
from core.errors import CorruptArtifact, PreconditionFailed
from core.store import names
from core.store.backend import Backend
from core.store.serialization import decode_document, encode_document

_log = logging.getLogger(__name__)

_RECORD = re.compile(r"(\d{6,})\.json")


class Deployments:
    """The deployments of a store; a key is a language tag or ``base``."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def deploy(
        self,
        task: TaskName,
        key: str,
        checkpoint_id: str,
        *,
        reason: str,
        job_id: str | None = None,
        expected: int | None = None,
    ) -> Deployment:
        """Deploy a checkpoint; to roll back, deploy the previous one again.

        Concurrent deployments all succeed, one after the other, because each record is created exclusively
        under the next free number. With `expected`, only the first succeeds (compare and set). A job deploys
        at most once: if an earlier attempt at it has deployed already, that deployment is returned.

        Args:
            task: Task of the checkpoint.
            key: The language tag, or ``base``.
            checkpoint_id: The checkpoint; its existence is not checked.
            reason: Reason to show to users.
            job_id: The job that deploys, if any.
            expected: The number that must be live, 0 for no deployment; None to skip the check.

        Raises:
            PreconditionFailed: A number other than the expected one is live.
            InvalidInput: A name is not a valid identifier.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        folder = _folder(task, key)
        names.validate_identifier("/checkpoint_id", checkpoint_id)
        if job_id is not None:
            names.validate_identifier("/job_id", job_id)
        numbers = self._numbers(folder)
        if job_id is not None and (earlier := self._of_job(job_id, folder, numbers)):
            return earlier
        latest = max(numbers, default=0)
        if expected not in {None, latest}:
            raise _superseded(key, expected, latest)
        for number in count(latest + 1):
            deployment = Deployment(
                number=number, checkpoint_id=checkpoint_id, reason=reason, job_id=job_id, created_at=now()
            )
            if self._backend.create(_file(folder, number), encode_document(deployment)):
                return deployment
            if expected is not None:
                raise _superseded(key, expected, number)
            # The number may have been used by another attempt at the same job.
            if job_id is not None and (earlier := self._of_job(job_id, folder, [number])):
                return earlier
        raise AssertionError("unreachable: there is always a next number")

    def latest(self, task: TaskName, key: str) -> int:
        """Return the live number, even if its record is corrupt; 0 if there are no deployments."""
        return max(self._numbers(_folder(task, key)), default=0)

    def live(self, task: TaskName, key: str) -> Deployment | None:
        """Return the live deployment, or None if there is none.

        Raises:
            CorruptArtifact: Its record is invalid. There is no fallback to an older one, which was replaced
                for a reason; a new deployment repairs it.
        """
        folder = _folder(task, key)
        numbers = self._numbers(folder)
        return self._read(folder, max(numbers)) if numbers else None

    def history(self, task: TaskName, key: str) -> list[Deployment]:
        """Return all deployments, newest first; invalid records are logged and skipped."""
        folder = _folder(task, key)
        deployments = []
        for number in sorted(self._numbers(folder), reverse=True):
            try:
                deployments.append(self._read(folder, number))
            except CorruptArtifact as error:
                _log.warning("%s", error)
        return deployments

    def keys(self, task: TaskName) -> list[str]:
        """Return the sorted keys that have deployments: language tags and ``base``."""
        paths = (path.split("/") for path in self._backend.files(f"deployments/{names.task_name(task)}"))
        return sorted({parts[0] for parts in paths if len(parts) == 2 and _RECORD.fullmatch(parts[1])})

    def _numbers(self, folder: str) -> list[int]:
        """Return the numbers of the records in a folder."""
        matches = (_RECORD.fullmatch(name) for name in self._backend.files(folder))
        return [int(match[1]) for match in matches if match]

    def _of_job(self, job_id: str, folder: str, numbers: Iterable[int]) -> Deployment | None:
        """Return the deployment of a job among these numbers, if any; invalid records are skipped."""
        records = self._backend.read_many([_file(folder, number) for number in numbers])
        for key, data in records.items():
            with suppress(CorruptArtifact):
                deployment = decode_document(Deployment, data, name=key)
                if deployment.job_id == job_id:
                    return deployment
        return None

    def _read(self, folder: str, number: int) -> Deployment:
        """Return the record with a number."""
        key = _file(folder, number)
        data = self._backend.read(key)
        if data is None:
            raise CorruptArtifact(f"{key} went away")
        deployment = decode_document(Deployment, data, name=key)
        if deployment.number != number:
            raise CorruptArtifact(f"{key} holds the deployment {deployment.number}")
        return deployment


def _superseded(key: str, expected: int | None, latest: int) -> PreconditionFailed:
    """Return the error for an expected number that is not live."""
    live, believed = (f"deployment {number}" if number else "nothing" for number in (latest, expected))
    return PreconditionFailed(f"{live} serves {key}, where {believed} was expected; look again")


def _folder(task: TaskName, key: str) -> str:
    return f"deployments/{names.task_name(task)}/{names.deployment_key(key)}"


def _file(folder: str, number: int) -> str:
    return f"{folder}/{number:06d}.json"
