"""Strict JSON parser, for request bodies and files: rejects NaN, infinities and repeated names.

`json.loads` alone accepts ``NaN`` and uses the last of several equal names. Pydantic's parser rejects
documents with unpaired surrogates, which `core.contracts` reports for the field that contains them.
"""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from core.contracts.field_faults import FieldFault


class _RepeatedName(dict[str, Any]):
    """A JSON object with a repeated name.

    Attributes:
        name: The first name that is repeated.
    """

    def __init__(self, items: list[tuple[str, Any]]) -> None:
        super().__init__(items)
        names = [name for name, _ in items]
        self.name = next(name for name in names if names.count(name) > 1)


def parse_strict(text: str) -> tuple[object, list[FieldFault]]:
    """Parse a document.

    Returns:
        The document, and a fault for each object with a repeated name, in document order.

    Raises:
        JSONDecodeError: The text is not JSON.
        ValueError: The text contains NaN, an infinity, or an integer with more digits than Python converts.
        RecursionError: The document is nested too deeply.
    """
    has_repetition = False

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal has_repetition
        values = dict(items)
        if len(values) == len(items):
            return values
        has_repetition = True
        return _RepeatedName(items)

    document = json.loads(text, object_pairs_hook=pairs, parse_constant=_refuse_constant)
    return document, list(_repetitions(document)) if has_repetition else []


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _repetitions(document: object) -> Iterator[FieldFault]:
    """Yield a fault for each object with a repeated name, in document order."""
    stack: list[tuple[tuple[str | int, ...], object]] = [((), document)]
    while stack:
        place, value = stack.pop()
        if isinstance(value, _RepeatedName):
            yield FieldFault(place, f"the name {value.name!r} occurs more than once in this object")
        if isinstance(value, dict):
            entries: list[tuple[str | int, object]] = list(value.items())
        elif isinstance(value, list):
            entries = list(enumerate(value))
        else:
            continue
        stack.extend(((*place, step), entry) for step, entry in reversed(entries))
