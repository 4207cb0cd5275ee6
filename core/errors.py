"""Hierarchy of the errors that xmetra raises.

    XmetraError
    ├── InvalidInput         invalid content; lists all faults with their locations
    ├── PayloadTooLarge      more than a limit allows
    ├── NotFound             no job, dataset, checkpoint or base with that name
    ├── Conflict             the request contradicts what is stored
    ├── PreconditionFailed   the live deployment is not the expected one
    ├── QueueFull            too many jobs are waiting
    ├── Unavailable          a part of the service is temporarily unavailable
    │   ├── QueueUnavailable     Redis
    │   ├── StoreUnavailable     the store cannot be read or written
    │   ├── ModelUnavailable     no base, or a model that is still loading
    │   └── Overloaded           too many predictions are waiting
    ├── StoreFull            the store has no space left
    ├── CorruptArtifact      a checkpoint or encoder does not match its manifest
    ├── TrainingDiverged     a loss is not finite
    └── JobCancelled         the cancellation of the job was requested

The table in ``app/parsing/problems.py`` maps each to an HTTP status.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of an input.

    Attributes:
        pointer: Location: a JSON pointer (``/examples/3/slots/0``) or a line of a file (``line 7``).
        detail: The actual and the expected value, in one sentence.
    """

    pointer: str
    detail: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.detail}"


class XmetraError(Exception):
    """Base class of all errors; not raised itself."""


class InvalidInput(XmetraError):
    """Invalid content.

    Args:
        faults: All faults, not only the first; never empty.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        if not faults:
            raise ValueError("InvalidInput needs at least one fault")
        self.faults = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults[:20]))


class PayloadTooLarge(XmetraError):
    """More bytes, examples or texts than a limit allows."""


class NotFound(XmetraError):
    """No job, dataset, checkpoint or base with that name exists."""


class Conflict(XmetraError):
    """The request contradicts what is stored."""


class PreconditionFailed(XmetraError):
    """The live deployment is not the expected one, because another client has deployed."""


class QueueFull(XmetraError):
    """Too many jobs are waiting."""


class Unavailable(XmetraError):
    """A part of the service is temporarily unavailable."""


class QueueUnavailable(Unavailable):
    """Redis does not respond."""


class StoreUnavailable(Unavailable):
    """The store cannot be read or written."""


class ModelUnavailable(Unavailable):
    """There is no base model yet, or the model is still loading."""


class Overloaded(Unavailable):
    """Too many predictions are waiting.

    Args:
        message: Description for the client.
        retry_after: Expected seconds until the waiting predictions are done.
    """

    def __init__(self, message: str, *, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class StoreFull(XmetraError):
    """The store has no space left."""


class CorruptArtifact(XmetraError):
    """A checkpoint or encoder does not match its manifest or checksum."""


class TrainingDiverged(XmetraError):
    """A loss is not finite."""


class JobCancelled(XmetraError):
    """The cancellation of the job was requested."""
