"""What pydantic found wrong, as faults that a person can find again in what they sent."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from core.errors import Fault

BETWEEN_FAULTS: Final = re.compile(r"; (?=(?:slots|tokens)/\d+ )")
"""Where an example's own check joins what it found into one message."""

PLACE: Final = re.compile(r"((?:slots|tokens)/\d+) ")
"""How each part of that message begins."""

LONGEST_SHOWN: Final = 60
"""Characters of a wrong value that are shown."""

PLAIN_WORDS: Final = {
    "extra_forbidden": "is not a field that is known here",
    "missing": "is missing",
    "model_type": "a JSON object was expected",
    "model_attributes_type": "a JSON object was expected",
    "string_unicode": "there is a lone surrogate in it, which no encoding can hold",
}
"""Pydantic's error types that its own words would explain badly to someone who does not use it."""

WITHOUT_VALUE: Final = frozenset(
    {"missing", "value_error", "extra_forbidden", "string_unicode", "model_type"}
)
"""Error types whose message already tells the value, or whose value is the whole object."""


def pointer_to(document: object, place: Iterable[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) to a place in a document.

    It ends where the document does: an utterance may be a mere string, which has no ``/text``.

    Args:
        document: What was sent.
        place: Names and indices, from the top.
    """
    steps = []
    for step in place:
        if isinstance(document, str | bytes | int | float):
            break
        steps.append(escaped(str(step)))
        document = _inside(document, step)
    return "".join(f"/{step}" for step in steps)


def escaped(name: str) -> str:
    """Return a name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _inside(document: object, step: str | int) -> object:
    """Return what is at one step of a document, or None."""
    if isinstance(document, Mapping):
        return document.get(step)
    if isinstance(document, Sequence) and isinstance(step, int) and step < len(document):
        return document[step]
    return None


def body_faults(errors: Sequence[Mapping[str, Any]], document: object) -> list[Fault]:
    """Return one fault for every single thing that pydantic found in a body.

    Args:
        errors: What `ValidationError.errors` gives.
        document: What was validated.
    """
    return [
        Fault(f"{pointer_to(document, error['loc'])}{place}", detail)
        for error in _without_consequences(errors)
        for place, detail in _parts(error)
    ]


def _without_consequences(errors: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out that a list is too short where it is so only because of the faults in its entries."""
    within = {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
    return [error for error in errors if error["type"] != "too_short" or error["loc"] not in within]


def parameter_faults(errors: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Return the faults in a path, a query or a header: ``query/limit``."""
    return [
        Fault("/".join(str(step) for step in error["loc"]), detail)
        for error in errors
        for _, detail in _parts(error)
    ]


def _parts(error: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (further place, sentence) for each thing that one error tells."""
    message = PLAIN_WORDS.get(error["type"], str(error["msg"]).removeprefix("Value error, "))
    if error["type"] not in WITHOUT_VALUE:
        message = f"{message}, found {shown(error.get('input'))}"
    for part in BETWEEN_FAULTS.split(message):
        place = PLACE.match(part) if error["type"] == "value_error" else None
        yield (f"/{place[1]}" if place else "", part)


def shown(value: object) -> str:
    """Show a value, or its beginning; of a list or an object only its size, however deep it is."""
    if isinstance(value, Mapping):
        return f"an object of {len(value)}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    told = repr(value)
    return told if len(told) <= LONGEST_SHOWN else f"{told[:LONGEST_SHOWN]}…"
