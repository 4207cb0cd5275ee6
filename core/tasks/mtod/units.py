"""Segmentation of a text into units that carry tags: words, or subwords in scripts without spaces.

Tokens are the tokenizer's subwords, each with character offsets. Units are made of tokens, so that every
unit has its own first token, whose encoder state represents the unit.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import regex

from core.tasks.mtod.labels import Unit

_WITHOUT_SPACES = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Han}\p{Hiragana}\p{Katakana}"

_GRAPHEME = regex.compile(r"\X")

# One alternative for each kind of unit: a run of a script without spaces (cut into subwords later), a run of
# letters, marks and digits of other scripts, which may contain zero-width joiners (Bengali, Persian),
# or anything else that is not a space, one symbol at a time (an emoji is up to a dozen characters).
_SEGMENT = regex.compile(
    rf"(?P<dense>[{_WITHOUT_SPACES}][{_WITHOUT_SPACES}\p{{M}}]*)"
    rf"|(?:(?![{_WITHOUT_SPACES}])[\p{{L}}\p{{M}}\p{{N}}_\u200c\u200d])+"
    r"|(?!\s)\X"
)


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """The characters that a token of the text covers.

    Attributes:
        index: Index of the token in the encoder's input.
        start: First character.
        end: One past the last character.
    """

    index: int
    start: int
    end: int


def split_units(
    text: str, tokens: Sequence[TokenSpan], words: Sequence[str] | None = None
) -> tuple[list[Unit], list[int]]:
    """Split a text into the units that carry tags.

    Args:
        text: The text.
        tokens: Its tokens in order, without those that cover no character.
        words: The example's own tokens, exact substrings of the text in order; None to segment by script.

    Returns:
        The units' offsets, in order and without overlap, and for each the index of its first token.
    """
    starts = sorted({token.start for token in tokens})
    segments = _word_units(text, words) if words is not None else _script_units(text, starts)
    return _align_to_tokens(segments, tokens)


def _word_units(text: str, words: Sequence[str]) -> list[Unit]:
    """Locate an example's own tokens in its text."""
    units = []
    position = 0
    for word in words:
        start = text.index(word, position)
        position = start + len(word)
        units.append((start, position))
    return units


def _script_units(text: str, token_starts: Sequence[int]) -> list[Unit]:
    """Split at white space and punctuation, and runs of scripts without spaces also at token starts."""
    units: list[Unit] = []
    for match in _SEGMENT.finditer(text):
        start, end = match.span()
        cuts = _dense_cuts(text, start, end, token_starts) if match["dense"] else []
        units.extend(zip([start, *cuts], [*cuts, end], strict=True))
    return units


def _dense_cuts(text: str, start: int, end: int, token_starts: Sequence[int]) -> list[int]:
    """Return where tokens start within a run, moved to the edges of grapheme clusters.

    A subword may start with the vowel sign or tone mark of the preceding letter; no annotated span starts
    there, so the cut moves to the next whole character.
    """
    boundaries = [cluster.end() for cluster in _GRAPHEME.finditer(text, start, end)]
    inside = [token for token in token_starts if start < token < end]
    cuts = {boundaries[bisect_left(boundaries, token)] for token in inside}
    return sorted(cuts - {end})


def _align_to_tokens(segments: Sequence[Unit], tokens: Sequence[TokenSpan]) -> tuple[list[Unit], list[int]]:
    """Merge neighbouring segments that share their first token; drop segments that no token covers."""
    units: list[Unit] = []
    first_tokens: list[int] = []
    position = 0
    for start, end in segments:
        while position < len(tokens) and tokens[position].end <= start:
            position += 1
        if position == len(tokens) or tokens[position].start >= end:
            continue
        first_token = tokens[position].index
        if first_tokens and first_tokens[-1] == first_token:
            units[-1] = (units[-1][0], end)
        else:
            units.append((start, end))
            first_tokens.append(first_token)
    return units, first_tokens
