"""Fields of one line → a checked example, or the faults of that line."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from core.contracts.examples import MtodExample
from core.formats.notes import Findings
from core.formats.offsets import with_unit

BETWEEN_FAULTS = re.compile(r"; (?=(?:slots|tokens|answers)/\d+ )")
"""Where the example's own check joins what it found into one message."""

LONGEST_SHOWN = 60
"""Characters of a wrong value that are shown."""

PLAIN_WORDS = {
    "extra_forbidden": "is not a field of an example",
    "missing": "is missing",
    "model_type": "a JSON object was expected",
    "string_pattern_mismatch": "must have 1 to 128 characters and no white space",
    "string_too_short": "is empty",
    "too_short": "is empty",
    "tuple_type": "a list was expected",
}
"""Pydantic's error types that its own words would explain badly to the owner of a file."""

PLAIN_WORDS_OF_FIELDS = {"id": {"string_pattern_mismatch": "must have no line break or control character"}}
"""Fields to which other words apply."""

TYPES_WITHOUT_VALUE = {"json_invalid", "missing", "string_too_short", "too_short", "value_error"}
"""Error types whose offending value is the whole line, or is told in the message already."""


def checked_example(fields: Mapping[str, Any], line: int, findings: Findings) -> MtodExample | None:
    """Check the fields of an example.

    Args:
        fields: By the names of `MtodExample`.
        line: The line to blame, the first being 1.
        findings: Receives the faults.
    """
    try:
        return MtodExample.model_validate(fields)
    except ValidationError as error:
        tell(error, line, findings)
        return None


def tell(error: ValidationError, line: int, findings: Findings) -> None:
    """Add one fault for every single thing that pydantic found."""
    for detail in fault_details(error):
        findings.fault(line, detail)


def fault_details(error: ValidationError) -> Iterator[str]:
    """Yield a sentence for every fault, each beginning with its field, ``slots/0/start`` for one."""
    for item in error.errors(include_url=False):
        if item["type"] == "too_short" and item["input"]:
            continue  # A list whose every item is wrong, each of which is told, counts as empty.
        field = "/".join(str(step) for step in item["loc"])
        words = PLAIN_WORDS | PLAIN_WORDS_OF_FIELDS.get(field, {})
        message = words.get(item["type"], item["msg"]).removeprefix("Value error, ")
        message = message.replace("Invalid JSON", "not JSON").replace(" at line 1 column", " at column")
        if item["type"] not in TYPES_WITHOUT_VALUE:
            message = f"{message}, found {shown(item['input'])}"
        for part in BETWEEN_FAULTS.split(message):
            yield f"{field}: {part}" if field else with_unit(part, item["input"])


def shown(value: object) -> str:
    """Show a value, or its beginning."""
    told = repr(value)
    return told if len(told) <= LONGEST_SHOWN else f"{told[:LONGEST_SHOWN]}…"
