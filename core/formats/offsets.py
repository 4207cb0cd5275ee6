"""Answers whose offsets count something else than Unicode code points."""

import re
from typing import Any

from core.contracts.questions import AnswerSpan

ANSWER = re.compile(r"answers/(\d+) ")
"""How a fault of an answer's place begins."""

OTHER_UNITS = (("UTF-16 units", "utf-16-le", 2), ("UTF-8 bytes", "utf-8", 1))
"""What JavaScript and Java count, and what Go, Rust and byte strings count; with the bytes of a unit."""


def with_unit(fault: str, value: Any) -> str:  # noqa: ANN401  a fault's own value can be anything
    """Add to a fault that the offset is right in another unit, where it is.

    Args:
        fault: What is wrong with an example.
        value: The example's fields, where each is right by itself and only their agreement is not.
    """
    place = ANSWER.match(fault)
    if place is None or int(place[1]) >= len(value["answers"]):
        return fault
    unit = _unit(AnswerSpan.model_validate(value["answers"][int(place[1])]), value["context"])
    return f"{fault}; offsets count Unicode code points; this one counts {unit}" if unit else fault


def _unit(answer: AnswerSpan, context: str) -> str | None:
    """Name the other unit in which an answer is at its offset, if it is not in code points.

    No half of a character can match: an answer begins with the first unit of one.
    """
    if context.startswith(answer.text, answer.answer_start):
        return None
    for name, encoding, width in OTHER_UNITS:
        if context.encode(encoding).startswith(answer.text.encode(encoding), width * answer.answer_start):
            return name
    return None
