"""BIO tags over tokens → spans of characters."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from core.formats.spans import Span

TAG = re.compile(r"(?:O|NoLabel)|([BI])-(\S+)")
"""``NoLabel`` is what the MTOD release writes for ``O``."""


class Place(NamedTuple):
    """Where a token stands in its text: half-open character offsets."""

    start: int
    end: int


def is_tag(text: str) -> bool:
    """Tell whether a column can only be a tag."""
    return TAG.fullmatch(text) is not None


def places_when_joined(tokens: Sequence[str]) -> list[Place]:
    """Return where the tokens stand in ``" ".join(tokens)``."""
    places = []
    position = 0
    for token in tokens:
        places.append(Place(position, position + len(token)))
        position += len(token) + 1
    return places


def places_in_text(tokens: Sequence[str], text: str) -> list[Place] | None:
    """Find the tokens in their text, one after the other.

    Published tokens are lower-cased while their text is not, so case is ignored where lower-casing
    keeps every character in its place.

    Returns:
        A place for each token, or None when one does not follow in the text.
    """
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = text
    places = []
    position = 0
    for token in tokens:
        found = text.find(token, position)
        if found < 0:
            found = lowered.find(token.lower(), position)
        if found < 0:
            return None
        position = found + len(token)
        places.append(Place(found, position))
    return places


def spans_of_tags(tags: Sequence[str], places: Sequence[Place]) -> tuple[list[Span], list[int]]:
    """Join the tagged tokens to spans; an ``I-`` that continues nothing begins a span, as in conlleval.

    Args:
        tags: One for each token; all match `TAG`.
        places: Where the tokens stand.

    Returns:
        The spans in the order of the text, and the indices of the ``I-`` tags that began one.
    """
    spans: list[Span] = []
    orphans = []
    open_slot: str | None = None
    for index, (tag, place) in enumerate(zip(tags, places, strict=True)):
        prefix, _, slot = tag.partition("-")
        if prefix not in {"B", "I"}:
            open_slot = None
        elif prefix == "I" and slot == open_slot:
            spans[-1] = spans[-1]._replace(end=place.end)
        else:
            if prefix == "I":
                orphans.append(index)
            spans.append(Span(place.start, place.end, slot))
            open_slot = slot
    return spans, orphans
