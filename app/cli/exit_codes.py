"""Exit codes of commands, and the messages of the errors that cause them (``docs/reference/cli.md``)."""

from enum import IntEnum

from app.devstack.errors import FolderInUse, StackError
from core.errors import Conflict, InvalidInput, Unavailable, XmetraError
from xmetra_client import (
    ApiError,
    ClientError,
    InvalidArgument,
    RetryableError,
    ServiceUnreachable,
    Unauthenticated,
)


class ExitCode(IntEnum):
    """Exit codes of ``xmetra``."""

    OK = 0
    FAILED = 1
    """The job failed or was cancelled, or the service failed."""
    USAGE = 2
    """The command line, a file, or its data is invalid."""
    UNREACHABLE = 3
    """No service answers, or it is unavailable."""
    INTERRUPTED = 130
    """Ctrl-C."""


class UsageFault(Exception):
    """An invalid command line or file; the message is printed to the user."""


class RunsFailed(Exception):
    """Runs of an experiment failed; the message has their reasons."""


EXPECTED_ERRORS = (ClientError, FolderInUse, OSError, RunsFailed, StackError, UsageFault, XmetraError)
"""Errors that end a command with a message; any other is a bug and is printed with its traceback."""


def exit_code(error: BaseException) -> ExitCode:
    """Return the exit code of an error."""
    if isinstance(error, ServiceUnreachable | RetryableError | Unavailable):
        return ExitCode.UNREACHABLE
    if isinstance(error, ApiError):
        return ExitCode.USAGE if error.status < 500 else ExitCode.FAILED
    if isinstance(error, UsageFault | InvalidArgument | InvalidInput | Conflict | FolderInUse | OSError):
        return ExitCode.USAGE
    return ExitCode.FAILED


def describe_error(error: BaseException) -> str:
    """Return the message of an error, with a line for each of its faults and, if there is one, a remedy."""
    if isinstance(error, InvalidInput):
        return "\n".join(["invalid input:", *(f"  {fault}" for fault in dict.fromkeys(error.faults))])
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, ServiceUnreachable):
        return f"{error}\nstart one with `xmetra up`, or set its address with --url or XMETRA_URL"
    if isinstance(error, Unauthenticated):
        return f"{error}\nsend an API key with --key or XMETRA_API_KEY"
    return str(error)
