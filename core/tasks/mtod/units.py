"""What carries a tag: words where the script writes spaces, subwords where it does not.

Tokens are the tokenizer's pieces, each with character offsets; units are made of them, so that every
unit has a token of its own whose encoder state speaks for it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import regex

from core.tasks.mtod.labels import Unit

_WITHOUT_SPACES = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Han}\p{Hiragana}\p{Katakana}"

_GRAPHEME = regex.compile(r"\X")

# One alternative a kind of unit: a run of a script without spaces (cut into subwords later), a run of
# letters, marks and digits of other scripts, in which zero-width joiners may stand (Bengali, Persian),
# or anything else that is not a space, one symbol at a time (an emoji is up to a dozen characters).
_SEGMENT = regex.compile(
    rf"(?P<dense>[{_WITHOUT_SPACES}][{_WITHOUT_SPACES}\p{{M}}]*)"
    rf"|(?:(?![{_WITHOUT_SPACES}])[\p{{L}}\p{{M}}\p{{N}}_\u200c\u200d])+"
    r"|(?!\s)\X"
)


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """A token of the text.

    Attributes:
        index: Its place in the encoder's input.
        start: First character it covers.
        end: One past the last.
    """

    index: int
    start: int
    end: int


def split_units(
    text: str, tokens: Sequence[TokenSpan], given: Sequence[str] | None = None
) -> tuple[list[Unit], list[int]]:
    """Cut a text into the units that carry tags.

    Args:
        text: The text.
        tokens: Its tokens in order; those that cover no character are left out.
        given: The units an example brings itself, exact substrings in order.

    Returns:
        The units' offsets, in order and without overlap, and for each the index of its first token.
    """
    starts = sorted({token.start for token in tokens})
    segments = _given_units(text, given) if given is not None else _script_units(text, starts)
    return _one_token_each(segments, tokens)


def _given_units(text: str, given: Sequence[str]) -> list[Unit]:
    """Locate an example's own tokens in its text."""
    units = []
    position = 0
    for token in given:
        start = text.index(token, position)
        position = start + len(token)
        units.append((start, position))
    return units


def _script_units(text: str, token_starts: Sequence[int]) -> list[Unit]:
    """Cut at white space and punctuation, and runs of scripts without spaces also where a token begins."""
    units: list[Unit] = []
    for match in _SEGMENT.finditer(text):
        start, end = match.span()
        cuts = _dense_cuts(text, start, end, token_starts) if match["dense"] else []
        units.extend(zip([start, *cuts], [*cuts, end], strict=True))
    return units


def _dense_cuts(text: str, start: int, end: int, token_starts: Sequence[int]) -> list[int]:
    """Cut a run where tokens begin, but never inside a grapheme cluster.

    A subword may begin with the vowel sign or tone mark of the letter before it; nothing a person
    would mark begins there, so the cut moves on to the next whole character.
    """
    boundaries = [cluster.end() for cluster in _GRAPHEME.finditer(text, start, end)]
    inside = [token for token in token_starts if start < token < end]
    cuts = {boundaries[bisect_left(boundaries, token)] for token in inside}
    return sorted(cuts - {end})


def _one_token_each(segments: Sequence[Unit], tokens: Sequence[TokenSpan]) -> tuple[list[Unit], list[int]]:
    """Join neighbouring segments that share their first token; drop those no token covers."""
    units: list[Unit] = []
    owners: list[int] = []
    position = 0
    for start, end in segments:
        while position < len(tokens) and tokens[position].end <= start:
            position += 1
        if position == len(tokens) or tokens[position].start >= end:
            continue
        owner = tokens[position].index
        if owners and owners[-1] == owner:
            units[-1] = (units[-1][0], end)
        else:
            units.append((start, end))
            owners.append(owner)
    return units, owners
