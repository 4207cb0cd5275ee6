"""Conversion of BIO tags over tokens to character spans."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from core.formats.spans import Span

BIO_TAG = re.compile(r"(?:O|NoLabel)|([BI])-(\S+)")
"""``NoLabel`` is written for ``O`` in the MTOD release."""


class TokenOffsets(NamedTuple):
    """Half-open character offsets of a token in its text."""

    start: int
    end: int


def is_bio_tag(text: str) -> bool:
    """Return whether a column is a BIO tag."""
    return BIO_TAG.fullmatch(text) is not None


def joined_offsets(tokens: Sequence[str]) -> list[TokenOffsets]:
    """Return the offsets of each token in ``" ".join(tokens)``."""
    offsets = []
    position = 0
    for token in tokens:
        offsets.append(TokenOffsets(position, position + len(token)))
        position += len(token) + 1
    return offsets


def offsets_in_text(tokens: Sequence[str], text: str) -> list[TokenOffsets] | None:
    """Return the offsets of each token in its text.

    Published tokens are lower-cased while their text is not, so case is ignored if lower-casing does not
    change the length of the text.

    Returns:
        The offsets, or None if a token does not occur in the text after the token before it.
    """
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = text
    offsets = []
    position = 0
    for token in tokens:
        start = text.find(token, position)
        if start < 0:
            start = lowered.find(token.lower(), position)
        if start < 0:
            return None
        position = start + len(token)
        offsets.append(TokenOffsets(start, position))
    return offsets


def bio_to_spans(tags: Sequence[str], offsets: Sequence[TokenOffsets]) -> tuple[list[Span], list[int]]:
    """Merge tagged tokens into spans; an ``I-`` that continues no span begins one, as in conlleval.

    Args:
        tags: One for each token; all match `BIO_TAG`.
        offsets: One for each token.

    Returns:
        The spans in text order, and the indices of the ``I-`` tags that began one.
    """
    spans: list[Span] = []
    orphans = []
    open_slot: str | None = None
    for index, (tag, token) in enumerate(zip(tags, offsets, strict=True)):
        prefix, _, slot = tag.partition("-")
        if prefix not in {"B", "I"}:
            open_slot = None
        elif prefix == "I" and slot == open_slot:
            spans[-1] = spans[-1]._replace(end=token.end)
        else:
            if prefix == "I":
                orphans.append(index)
            spans.append(Span(token.start, token.end, slot))
            open_slot = slot
    return spans, orphans
