"""Pydantic's errors as faults with JSON pointers into a request, or with the names of its parameters."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.contracts.field_faults import escaped, field_faults
from core.errors import Fault


def pointer_to(document: object, place: Iterable[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) to a place in a document.

    It ends where the document does: an utterance may be a mere string, which has no ``/text``.

    Args:
        document: The parsed body.
        place: Names and indices, from the top.
    """
    steps = []
    for step in place:
        if isinstance(document, str | bytes | int | float):
            break
        steps.append(escaped(str(step)))
        document = _inside(document, step)
    return "".join(f"/{step}" for step in steps)


def _inside(document: object, step: str | int) -> object:
    """Return the value at one step of a document, or None."""
    if isinstance(document, Mapping):
        return document.get(step)
    if isinstance(document, Sequence) and isinstance(step, int) and step < len(document):
        return document[step]
    return None


def body_faults(errors: Sequence[Mapping[str, Any]], document: object) -> list[Fault]:
    """Return the faults of a body.

    Args:
        errors: The items of `ValidationError.errors`.
        document: The document that was validated.
    """
    return [Fault(pointer_to(document, fault.place), fault.detail) for fault in field_faults(errors)]


def parameter_faults(errors: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """Return the faults of a path, a query or a header, with places such as ``query/limit``."""
    return [
        Fault("/".join(str(step) for step in fault.place), fault.detail) for fault in field_faults(errors)
    ]
