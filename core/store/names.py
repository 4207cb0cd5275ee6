"""Names that become paths: nothing that a path could be hidden in comes past here."""

import re
from pathlib import PurePosixPath

from core.contracts.values import TaskName, canonical_language
from core.errors import Fault, InvalidInput, NotFound

BASE = "base"
"""The deployment key of the model that answers where no language's own does."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FILE_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def is_identifier(name: str) -> bool:
    """Tell whether a name is one that we give."""
    return _IDENTIFIER.fullmatch(name) is not None


def existing(kind: str, name: str) -> str:
    """Return the name of something to be read.

    Raises:
        NotFound: Nothing can have such a name.
    """
    if not is_identifier(name):
        raise NotFound(f"there is no {kind} {name[:80]!r}")
    return name


def writable(pointer: str, name: str) -> str:
    """Return the name of something to be written.

    Raises:
        InvalidInput: The name is not an identifier.
    """
    if not is_identifier(name):
        detail = f"expected 1 to 64 letters, digits, '_' or '-', got {name[:80]!r}"
        raise InvalidInput([Fault(pointer, detail)])
    return name


def task_name(task: str) -> TaskName:
    """Return the task.

    Raises:
        InvalidInput: There is no such task.
    """
    try:
        return TaskName(task)
    except ValueError:
        known = ", ".join(TaskName)
        raise InvalidInput([Fault("/task", f"expected one of {known}, got {task[:80]!r}")]) from None


def language_tag(tag: str) -> str:
    """Return a language tag in its canonical form.

    Raises:
        InvalidInput: It is none.
    """
    try:
        return canonical_language(tag)
    except ValueError as error:
        raise InvalidInput([Fault("/language", str(error))]) from None


def deployment_key(key: str) -> str:
    """Return the key of a deployment: a language tag in its canonical form, or ``base``.

    Raises:
        InvalidInput: It is neither.
    """
    return BASE if key == BASE else language_tag(key)


def is_file_name(name: str) -> bool:
    """Tell whether a file of a checkpoint stays in its folder, sub-folders included."""
    parts = PurePosixPath(name).parts
    return name != "" and "/".join(parts) == name and all(_FILE_PART.fullmatch(part) for part in parts)
