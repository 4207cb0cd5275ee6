"""Problem descriptions of failed jobs, for the client that submitted the job."""

import os
import signal
from typing import Final

from rq.timeouts import JobTimeoutException

from core.contracts.jobs import Problem
from core.errors import (
    Conflict,
    CorruptArtifact,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    StoreFull,
    TrainingDiverged,
    Unavailable,
    XmetraError,
)

TIMED_OUT: Final = "The job timed out"
OUT_OF_MEMORY: Final = "Out of memory"
WORKER_DIED: Final = "The worker died"

_TITLES: Final[dict[type[XmetraError], str]] = {
    InvalidInput: "The data cannot be used",
    PayloadTooLarge: "The data is too large",
    NotFound: "Something the job needs is not there",
    Conflict: "The job contradicts what is stored",
    Unavailable: "A part of the service was not available",
    StoreFull: "The store is full",
    CorruptArtifact: "A stored file is damaged",
    TrainingDiverged: "The training diverged",
}

STOPPED_WORKER: Final = Problem(
    title="The worker was stopped",
    detail="An operator stopped the worker at once, while it worked on this job. Send the job again.",
)
DID_NOT_STOP: Final = Problem(
    title="The job was cancelled", detail="It did not stop by itself and was killed after a grace period."
)


def problem_of(error: BaseException) -> Problem:
    """Return the problem that describes an error to the client that submitted the job."""
    match error:
        case InvalidInput():
            faults = tuple({"pointer": fault.pointer, "detail": fault.detail} for fault in error.faults)
            detail = "1 fault was found" if len(faults) == 1 else f"{len(faults)} faults were found"
            return Problem(title=_TITLES[InvalidInput], detail=detail, errors=faults)
        case XmetraError():
            titles = (title for kind, title in _TITLES.items() if isinstance(error, kind))
            return Problem(title=next(titles, "The job failed"), detail=str(error))
        case JobTimeoutException():
            return timed_out(str(error))
    if (
        isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    ):  # torch's, which is not imported here
        return Problem(
            title=OUT_OF_MEMORY, detail=str(error) or "The worker has too little memory for this job."
        )
    return Problem(title="The job failed unexpectedly", detail=f"{type(error).__name__}: {error}")


def timed_out(detail: str) -> Problem:
    """Return the problem of a job that exceeded its time limit."""
    return Problem(title=TIMED_OUT, detail=detail)


def abandoned(attempts: int) -> Problem:
    """Return the problem of a job whose worker was killed in every attempt.

    Args:
        attempts: The number of attempts.
    """
    times = "once" if attempts == 1 else f"{attempts} times"
    detail = f"It began {times}, and each time its worker was killed or lost its machine before it ended."
    return Problem(title=WORKER_DIED, detail=detail)


def death_of(wait_status: int | None) -> Problem:
    """Return the problem of a job whose process ended without closing its record.

    Args:
        wait_status: The status that `os.wait4` returned, or None if the process was reaped elsewhere.
    """
    if wait_status is None:
        return Problem(title="The job's process died", detail="How it ended is not known.")
    if not os.WIFSIGNALED(wait_status):
        code = os.waitstatus_to_exitcode(wait_status)
        return Problem(
            title="The job's process died", detail=f"It ended with exit code {code} and said nothing."
        )
    number = os.WTERMSIG(wait_status)
    detail = f"It was killed by signal {number} ({signal.strsignal(number) or 'unknown'})."
    if number == signal.SIGKILL:
        detail += " Most often the system kills a process that way when memory runs out."
    return Problem(title="The job's process was killed", detail=detail)
