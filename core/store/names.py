"""Validation of names that become parts of paths, which prevents path traversal."""

import re
from pathlib import PurePosixPath

from core.contracts.values import BASE, canonical_language, registered_task
from core.errors import Fault, InvalidInput, NotFound

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FILE_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def is_identifier(name: str) -> bool:
    """Return whether a name is a valid identifier: 1 to 64 letters, digits, ``_`` or ``-``."""
    return _IDENTIFIER.fullmatch(name) is not None


def require_identifier(kind: str, name: str) -> str:
    """Return the name of an object to read, if it is a valid identifier.

    Raises:
        NotFound: The name is not an identifier, so that no such object exists.
    """
    if not is_identifier(name):
        raise NotFound(f"there is no {kind} {name[:80]!r}")
    return name


def validate_identifier(pointer: str, name: str) -> str:
    """Return the name of an object to write, if it is a valid identifier.

    Raises:
        InvalidInput: The name is not an identifier.
    """
    if not is_identifier(name):
        detail = f"expected 1 to 64 letters, digits, '_' or '-', got {name[:80]!r}"
        raise InvalidInput([Fault(pointer, detail)])
    return name


def task_name(task: str) -> str:
    """Return the name of a registered task unchanged.

    Raises:
        InvalidInput: No task of that name is registered.
    """
    try:
        return registered_task(task)
    except ValueError as error:
        raise InvalidInput([Fault("/task", str(error))]) from None


def language_tag(tag: str) -> str:
    """Return a language tag in its canonical form.

    Raises:
        InvalidInput: The tag is not valid.
    """
    try:
        return canonical_language(tag)
    except ValueError as error:
        raise InvalidInput([Fault("/language", str(error))]) from None


def deployment_key(key: str) -> str:
    """Return the key of a deployment: a language tag in its canonical form, or ``base``.

    Raises:
        InvalidInput: The key is neither.
    """
    return BASE if key == BASE else language_tag(key)


def is_file_name(name: str) -> bool:
    """Return whether a relative path of a checkpoint file is safe: it cannot leave the folder."""
    parts = PurePosixPath(name).parts
    return name != "" and "/".join(parts) == name and all(_FILE_PART.fullmatch(part) for part in parts)
