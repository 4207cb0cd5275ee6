"""How a command ends when it does not end well; ``docs/reference/cli.md`` promises these numbers."""

from enum import IntEnum
from http import HTTPStatus

from app.client.errors import ClientError, RequestRefused, ServiceUnreachable
from app.devstack.data_folder import FolderInUse
from app.devstack.stack import StackError
from core.errors import Conflict, InvalidInput, Unavailable, XmetraError


class ExitCode(IntEnum):
    """Exit codes of ``xmetra``."""

    OK = 0
    FAILED = 1
    """The job failed or was cancelled, or the service broke."""
    USAGE = 2
    """The command line, a file, or the data in it cannot be used."""
    UNREACHABLE = 3
    """No service answers, or it cannot answer now."""
    INTERRUPTED = 130
    """Ctrl-C."""


class UsageFault(Exception):
    """What was given cannot be used; the message is for people."""


EXPECTED_ERRORS = (ClientError, FolderInUse, OSError, StackError, UsageFault, XmetraError)
"""What is told in one line; anything else is a fault of ours and keeps its traceback."""


def exit_code(error: BaseException) -> ExitCode:
    """Return the exit code that an error deserves."""
    if isinstance(error, ServiceUnreachable | Unavailable):
        return ExitCode.UNREACHABLE
    if isinstance(error, RequestRefused):
        return ExitCode.USAGE if error.status < 500 else ExitCode.FAILED
    if isinstance(error, UsageFault | InvalidInput | Conflict | FolderInUse | OSError):
        return ExitCode.USAGE
    return ExitCode.FAILED


def explain(error: BaseException) -> str:
    """Return what to tell a person: one line, and a line for each fault where there are several."""
    if isinstance(error, InvalidInput):
        return "\n".join(["the data cannot be used:", *(f"  {fault}" for fault in error.faults)])
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, ServiceUnreachable):
        return f"{error}\nstart one with `xmetra up`, or tell where it is with --url or XMETRA_URL"
    if isinstance(error, RequestRefused) and error.status == HTTPStatus.UNAUTHORIZED:
        return f"{error}\nshow a key with --key or XMETRA_API_KEY"
    return str(error)
