"""The ``start:end:slot`` lists of the MTOD files ↔ slot spans."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from core.contracts.examples import SlotSpan
from core.formats.notes import Findings

SPAN = re.compile(r"(-?[0-9]{1,9}):(-?[0-9]{1,9}):(\S+)")
POSSESSIVES = ("'s", "’s")

BETWEEN_SPANS = ","
"""Always, or a span that is written wrongly would pass for the end of the name before it."""


class Span(NamedTuple):
    """A slot before it is checked: half-open character offsets, as a file gives them."""

    start: int
    end: int
    slot: str


def is_span_list(column: str) -> bool:
    """Tell whether a column can only be a list of spans; an empty one can."""
    return not column or all(SPAN.fullmatch(item) for item in column.split(BETWEEN_SPANS))


def parse_spans(column: str, text: str, *, line: int, findings: Findings) -> list[Span]:
    """Read a list of spans and fit them to their text.

    The published files hold spans with a space at their end, and one that begins before its text.
    Both are settled here and noted, because the words they mean are certain. A span that ends
    outside its text is left as it is: the check of the example tells it.

    Args:
        column: ``0:4:datetime,9:12:alarm/name``, or nothing.
        text: What the offsets point into.
        line: The line to blame or to note.
        findings: Receives faults and notes.
    """
    spans = []
    for index, item in enumerate(column.split(BETWEEN_SPANS) if column else ()):
        match = SPAN.fullmatch(item)
        if match is None:
            findings.fault(line, f"slots/{index}: expected start:end:slot, found {item!r}")
        else:
            span = Span(int(match[1]), int(match[2]), match[3])
            spans.append(_fitted(span, text, line=line, findings=findings))
    return spans


def without_possessive(span: Span, text: str, *, line: int, findings: Findings) -> Span:
    """Leave an English possessive at the end of a span out of it, and note that.

    The release's CoNLL form rounds its spans to tokens, and "today's" is one; its tables, which hold
    the evaluation data, annotate "today". One of the two must give way, or a model learns from the one
    what the other calls wrong.
    """
    if not text[span.start : span.end].lower().endswith(POSSESSIVES):
        return span
    findings.possessive.append(line)
    return span._replace(end=span.end - len(POSSESSIVES[0]))


def format_spans(spans: Iterable[SlotSpan]) -> str:
    """Write spans as the MTOD files do."""
    return BETWEEN_SPANS.join(f"{span.start}:{span.end}:{span.slot}" for span in spans)


def _fitted(span: Span, text: str, *, line: int, findings: Findings) -> Span:
    """Clip a span that begins before its text, and shrink one with white space at an edge."""
    if span.start < 0 < span.end:
        findings.clipped.append(line)
        span = span._replace(start=0)
    value = text[max(span.start, 0) : span.end]
    if span.end > len(text) or not value.strip():
        return span
    tight = span._replace(
        start=span.start + len(value) - len(value.lstrip()),
        end=span.end - (len(value) - len(value.rstrip())),
    )
    if tight != span:
        findings.shrunk.append(line)
    return tight
