"""Parsing and formatting of the ``start:end:slot`` lists in MTOD files."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from core.contracts.examples import SlotSpan
from core.formats.diagnostics import Diagnostics

SPAN = re.compile(r"(-?[0-9]{1,9}):(-?[0-9]{1,9}):(\S+)")
POSSESSIVES = ("'s", "’s")

SPAN_SEPARATOR = ","
"""Not allowed in slot names, because a malformed span would be read as part of the name before it."""


class Span(NamedTuple):
    """A slot span before validation: half-open character offsets as written in the file."""

    start: int
    end: int
    slot: str


def is_span_list(column: str) -> bool:
    """Return whether a column is a list of spans, possibly an empty one."""
    return not column or all(SPAN.fullmatch(item) for item in column.split(SPAN_SEPARATOR))


def parse_spans(column: str, text: str, *, line: int, diagnostics: Diagnostics) -> list[Span]:
    """Parse a list of spans and fit them to their text.

    The published files contain spans with a space at their end, and one that begins before its text. Both are
    corrected here and noted, because they are unambiguous. A span that ends outside its text is left
    unchanged: the validation of the example reports it.

    Args:
        column: ``0:4:datetime,9:12:alarm/name``, or an empty string.
        text: The text that the offsets refer to.
        line: Line number for faults and notes.
        diagnostics: Receives faults and notes.
    """
    spans = []
    for index, item in enumerate(column.split(SPAN_SEPARATOR) if column else ()):
        match = SPAN.fullmatch(item)
        if match is None:
            diagnostics.add_fault(line, f"slots/{index}: expected start:end:slot, found {item!r}")
        else:
            span = Span(int(match[1]), int(match[2]), match[3])
            spans.append(_fit_to_text(span, text, line=line, diagnostics=diagnostics))
    return spans


def strip_possessive(span: Span, text: str, *, line: int, diagnostics: Diagnostics) -> Span:
    """Exclude an English possessive at the end of a span, and note it.

    The CoNLL files of the MTOD release round spans to tokens, such as "today's", while its TSV files, which
    contain the evaluation data, annotate "today". Without this conversion a model would learn spans from the
    former that count as errors in the latter.
    """
    if not text[span.start : span.end].lower().endswith(POSSESSIVES):
        return span
    diagnostics.possessives.append(line)
    return span._replace(end=span.end - len(POSSESSIVES[0]))


def format_spans(spans: Iterable[SlotSpan]) -> str:
    """Return spans in the notation of MTOD files."""
    return SPAN_SEPARATOR.join(f"{span.start}:{span.end}:{span.slot}" for span in spans)


def _fit_to_text(span: Span, text: str, *, line: int, diagnostics: Diagnostics) -> Span:
    """Clip a span that begins before its text, and trim white space at its edges."""
    if span.start < 0 < span.end:
        diagnostics.clipped_spans.append(line)
        span = span._replace(start=0)
    value = text[max(span.start, 0) : span.end]
    if span.end > len(text) or not value.strip():
        return span
    trimmed = span._replace(
        start=span.start + len(value) - len(value.lstrip()),
        end=span.end - (len(value) - len(value.rstrip())),
    )
    if trimmed != span:
        diagnostics.trimmed_spans.append(line)
    return trimmed
