"""Every error xmetra raises on purpose.

    XmetraError
    ├── InvalidInput         content that cannot be used; lists every fault with its place
    ├── PayloadTooLarge      more than a limit allows
    ├── NotFound             no job, dataset, checkpoint or base of that name
    ├── Conflict             the request contradicts what is stored
    ├── PreconditionFailed   somebody else was first: what was believed to be live is not
    ├── QueueFull            too many jobs are waiting
    ├── Unavailable          a part of the service cannot answer now; try again later
    │   ├── QueueUnavailable     Redis
    │   ├── StoreUnavailable     the store cannot be read or written
    │   ├── ModelUnavailable     no base, or a model that is still loading
    │   └── Overloaded           too many predictions are waiting
    ├── StoreFull            the store has no space left
    ├── CorruptArtifact      a checkpoint or encoder that is not what its manifest says
    ├── TrainingDiverged     a loss that is no longer a number
    └── JobCancelled         somebody asked the job to stop

The table in ``app/errors.py`` gives each its HTTP status.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input.

    Attributes:
        pointer: Where: a JSON pointer (``/examples/3/slots/0``) or a file line (``line 7``).
        detail: What was found and what was expected, in one sentence.
    """

    pointer: str
    detail: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.detail}"


class XmetraError(Exception):
    """Root of the tree; never raised itself."""


class InvalidInput(XmetraError):
    """Content that cannot be used.

    Args:
        faults: Everything wrong with it, not only the first; never empty.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        if not faults:
            raise ValueError("InvalidInput needs at least one fault")
        self.faults = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults[:20]))


class PayloadTooLarge(XmetraError):
    """More bytes, examples or texts than a limit allows."""


class NotFound(XmetraError):
    """No job, dataset, checkpoint or base of that name."""


class Conflict(XmetraError):
    """The request contradicts what is stored."""


class PreconditionFailed(XmetraError):
    """Somebody else was first: what was believed to be live is not."""


class QueueFull(XmetraError):
    """Too many jobs are waiting."""


class Unavailable(XmetraError):
    """A part of the service cannot answer now."""


class QueueUnavailable(Unavailable):
    """Redis does not answer."""


class StoreUnavailable(Unavailable):
    """The store cannot be read or written."""


class ModelUnavailable(Unavailable):
    """There is no base model yet, or the model is still loading."""


class Overloaded(Unavailable):
    """Too many predictions are waiting.

    Args:
        message: What is waiting.
        retry_after: Seconds until that will have been answered.
    """

    def __init__(self, message: str, *, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class StoreFull(XmetraError):
    """The store has no space left."""


class CorruptArtifact(XmetraError):
    """A checkpoint or encoder that is not what its manifest or checksum says."""


class TrainingDiverged(XmetraError):
    """A loss that is no longer a finite number."""


class JobCancelled(XmetraError):
    """Somebody asked the job to stop."""
