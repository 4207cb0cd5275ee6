"""Which checkpoint serves: append-only, and the highest number is live."""

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
from core.store.serialization import decoded, encoded

_log = logging.getLogger(__name__)

_RECORD = re.compile(r"(\d{6,})\.json")


class Deployments:
    """The deployments of a store; a key is a language tag, or ``base``."""

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
        """Let a checkpoint serve from now on; to roll back, deploy the old one again.

        Of two that deploy at once both succeed, one after the other: a record is created under a
        number that nobody has, and whoever comes second takes the next. With `expected`, only the
        first succeeds: the number it wants is the one behind what it believes to be live.
        A job deploys once: what it deployed before, in an attempt that was killed then, is returned.

        Args:
            task: What it does.
            key: The language it serves, or ``base``.
            checkpoint_id: The checkpoint; whether it exists is the caller's to know.
            reason: Why, for people.
            job_id: The job that decided it.
            expected: The number that must be live until then, 0 for none; None if any may be.

        Raises:
            PreconditionFailed: Another number than the expected one is live.
            InvalidInput: A name is not one that can be stored.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        folder = _folder(task, key)
        names.writable("/checkpoint_id", checkpoint_id)
        if job_id is not None:
            names.writable("/job_id", job_id)
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
            if self._backend.create(_file(folder, number), encoded(deployment)):
                return deployment
            if expected is not None:
                raise _superseded(key, expected, number)
            # Whoever was first may be another attempt at the same job.
            if job_id is not None and (earlier := self._of_job(job_id, folder, [number])):
                return earlier
        raise AssertionError("unreachable: there is always a next number")

    def latest(self, task: TaskName, key: str) -> int:
        """Return the number that is live, be its record readable or not; 0 if none ever was."""
        return max(self._numbers(_folder(task, key)), default=0)

    def live(self, task: TaskName, key: str) -> Deployment | None:
        """Return the deployment that serves, or None if none ever did.

        Raises:
            CorruptArtifact: Its record cannot be read. An older one is no answer: it was replaced
                for a reason. Deploy again to mend it.
        """
        folder = _folder(task, key)
        numbers = self._numbers(folder)
        return self._read(folder, max(numbers)) if numbers else None

    def history(self, task: TaskName, key: str) -> list[Deployment]:
        """Return every deployment, newest first; a record that cannot be read is logged and left out."""
        folder = _folder(task, key)
        deployments = []
        for number in sorted(self._numbers(folder), reverse=True):
            try:
                deployments.append(self._read(folder, number))
            except CorruptArtifact as error:
                _log.warning("%s", error)
        return deployments

    def keys(self, task: TaskName) -> list[str]:
        """Return what was ever deployed, sorted: language tags, and ``base``."""
        found = (path.split("/") for path in self._backend.files(f"deployments/{names.task_name(task)}"))
        return sorted({parts[0] for parts in found if len(parts) == 2 and _RECORD.fullmatch(parts[1])})

    def _numbers(self, folder: str) -> list[int]:
        """Return the numbers of the records in a folder."""
        matches = (_RECORD.fullmatch(name) for name in self._backend.files(folder))
        return [int(match[1]) for match in matches if match]

    def _of_job(self, job_id: str, folder: str, numbers: Iterable[int]) -> Deployment | None:
        """Return what a job deployed, among these numbers; one that cannot be read is nobody's."""
        found = self._backend.read_many([_file(folder, number) for number in numbers])
        for key, data in found.items():
            with suppress(CorruptArtifact):
                deployment = decoded(Deployment, data, name=key)
                if deployment.job_id == job_id:
                    return deployment
        return None

    def _read(self, folder: str, number: int) -> Deployment:
        """Return one record, which must have the number of its file."""
        key = _file(folder, number)
        data = self._backend.read(key)
        if data is None:
            raise CorruptArtifact(f"{key} went away")
        deployment = decoded(Deployment, data, name=key)
        if deployment.number != number:
            raise CorruptArtifact(f"{key} holds the deployment {deployment.number}")
        return deployment


def _superseded(key: str, expected: int | None, latest: int) -> PreconditionFailed:
    """Return the error for a number that is not live any more, or not yet."""
    found, believed = (f"deployment {number}" if number else "nothing" for number in (latest, expected))
    return PreconditionFailed(f"{found} serves {key}, where {believed} was expected; look again")


def _folder(task: TaskName, key: str) -> str:
    return f"deployments/{names.task_name(task)}/{names.deployment_key(key)}"


def _file(folder: str, number: int) -> str:
    return f"{folder}/{number:06d}.json"
