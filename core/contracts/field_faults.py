"""Faults of a document, field by field: how a validator reports several, and pydantic's errors as faults.

Request bodies (`app.parsing`) and files (`core.formats`) word their faults here, so that the same mistake is
described in the same sentence wherever it comes from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import PydanticCustomError

from core.contracts.values import IDENTIFIER, LABEL, OWN_ID

LONGEST_SHOWN: Final = 60
"""Characters of a wrong value that are shown."""

MOST_SHOWN: Final = 8
"""Entries of a list or an object that is shown itself; of a longer one only the size is shown."""

SEVERAL: Final = "several_faults"
"""The type of the error that carries the faults of one validator."""

PLAIN_WORDS: Final[Mapping[str, str]] = {
    "dict_type": "a JSON object was expected",
    "extra_forbidden": "is not a known field",
    "int_from_float": "Input should be a valid integer",
    "int_parsing": "Input should be a valid integer",
    "missing": "is missing",
    "model_attributes_type": "a JSON object was expected",
    "model_type": "a JSON object was expected",
    "string_unicode": "there is a lone surrogate in it, which no encoding can hold",
    "tuple_type": "a list was expected",
}
"""Error types of pydantic whose message needs knowledge of Python or pydantic."""

PATTERNS: Final[Mapping[str, str]] = {
    IDENTIFIER: "must have 1 to 64 letters, digits, hyphens and underscores",
    LABEL: "must have 1 to 128 characters and no white space",
    OWN_ID: "must have no line break or control character",
}
"""Patterns of fields in words."""

WITHOUT_VALUE: Final = frozenset(
    {
        "extra_forbidden",
        "json_invalid",
        "missing",
        "string_too_short",
        "string_unicode",
        "too_long",
        "too_short",
        "value_error",
    }
)
"""Error types whose message states the value, or whose value is the whole object."""


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A fault at a place in a document.

    Attributes:
        place: Names of fields and indices of lists, from the top of the document.
        detail: What is wrong, in one sentence.
    """

    place: tuple[str | int, ...]
    detail: str


def several(faults: Sequence[FieldFault]) -> PydanticCustomError:
    """Return one error for all faults of a validator, which can raise one error only.

    Args:
        faults: At least one; places count from the validator's own model.
    """
    message = "; ".join(fault.detail for fault in faults)
    return PydanticCustomError(SEVERAL, "{message}", {"message": message, "faults": tuple(faults)})


def field_faults(errors: Sequence[Mapping[str, Any]]) -> Iterator[FieldFault]:
    """Yield every fault that pydantic's errors stand for.

    Args:
        errors: The items of `ValidationError.errors`.
    """
    for error in _without_consequences(errors):
        place = tuple(error["loc"])
        if error["type"] == SEVERAL:
            for fault in error["ctx"]["faults"]:
                yield FieldFault((*place, *fault.place), fault.detail)
        else:
            yield FieldFault(place, _sentence(error))


def _without_consequences(errors: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Leave out that a list is too short if that follows from faults in its entries."""
    within = {tuple(error["loc"][:depth]) for error in errors for depth in range(len(error["loc"]))}
    return (error for error in errors if error["type"] != "too_short" or tuple(error["loc"]) not in within)


def _sentence(error: Mapping[str, Any]) -> str:
    """Return what is wrong, with the value if the message does not state it."""
    message = _in_words(error["type"], error.get("ctx", {})) or str(error["msg"])
    message = message.removeprefix("Value error, ")
    message = message.replace("Invalid JSON", "not JSON").replace(" at line 1 column", " at column")
    return message if error["type"] in WITHOUT_VALUE else f"{message}, found {shown(error.get('input'))}"


def _in_words(kind: str, context: Mapping[str, Any]) -> str | None:
    """Return our own message for a type of error, or None if pydantic's is good."""
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(context["pattern"])
    if kind in {"too_short", "string_too_short"} and context["min_length"] == 1:
        return "is empty"
    if kind == "too_long":
        return f"has {context['actual_length']} entries; the limit is {context['max_length']}"
    return PLAIN_WORDS.get(kind)


def json_pointer(place: Iterable[str | int]) -> str:
    """Return a place as a JSON pointer (RFC 6901)."""
    return "".join(f"/{escaped(str(step))}" for step in place)


def escaped(name: str) -> str:
    """Return a name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def shown(value: object) -> str:
    """Return a value, or its beginning; of a long or deep list or object its size."""
    if isinstance(value, str | bytes):
        return _shortened(repr(value[: LONGEST_SHOWN + 1]))
    if not isinstance(value, Mapping | list | tuple):
        return _shortened(repr(value))
    try:
        text = repr(value) if len(value) <= MOST_SHOWN else ""
    except RecursionError:
        text = ""
    if text and len(text) <= LONGEST_SHOWN:
        return text
    return f"an object of {len(value)}" if isinstance(value, Mapping) else f"a list of {len(value)}"


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
