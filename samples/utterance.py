"""Sampling of utterances from frames, with styles and slot offsets."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from samples.grammar import CLOSING, Grammar, Lines
from samples.patterns import Choice, Labelled, Literal, Pattern, Reference

CLOSING_MARKS = ".!?…"
NO_SPACE_BEFORE = " .,;:!?…"


class Style(Enum):
    """Style of punctuation and case; words are the same in all styles."""

    SENTENCE = "a complete sentence"
    CASUAL = "no opening marks, no full stop"
    BARE = "no marks at the ends"
    SPOKEN = "as a voice transcript: lower case, no marks"


STYLE_WEIGHTS = {Style.SENTENCE: 4, Style.CASUAL: 3, Style.BARE: 2, Style.SPOKEN: 3}


ALL_MARKS = ".,;:!?¡¿…"
OMITTED_MARKS = {Style.SENTENCE: "", Style.CASUAL: "¡¿", Style.BARE: "¡¿.!?…", Style.SPOKEN: ALL_MARKS}
"""Punctuation that a style omits, except within slots, such as the comma of a place."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of text in a slot, or outside of slots."""

    text: str
    slot: str | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """A text and its slots as (slot, start, end)."""

    text: str
    spans: tuple[tuple[str, int, int], ...]

    @property
    def key(self) -> str:
        """The text without case, punctuation and redundant spaces; equal keys mean equal utterances."""
        letters = "".join(" " if character in ALL_MARKS else character for character in self.text.casefold())
        return " ".join(letters.split())

    @property
    def repeats_itself(self) -> bool:
        """Whether a slot repeats the value of another: "Lima, not Lima"."""
        values = [f" {self.text[start:end].casefold()} " for _, start, end in self.spans]
        return any(
            value in other for i, value in enumerate(values) for j, other in enumerate(values) if i != j
        )


Characters = list[tuple[str, int]]
"""Characters of a text, each with the index of its piece."""


class Sampler:
    """Samples utterances of a grammar.

    Args:
        grammar: The grammar.
        generator: Random number generator of all choices.
        held_out_share: Probability of the held-out lines of rules that have them.
    """

    def __init__(self, grammar: Grammar, generator: random.Random, *, held_out_share: float = 0.0) -> None:
        self._grammar = grammar
        self._generator = generator
        self._held_out_share = held_out_share

    def sample(self, frame: Choice) -> Utterance:
        """Return a random utterance of a frame."""
        pieces = list(self._choice(frame))
        style = self._generator.choices(list(STYLE_WEIGHTS), weights=list(STYLE_WEIGHTS.values()))[0]
        if style is Style.SENTENCE and CLOSING in self._grammar.rules and not _is_closed(pieces):
            pieces.append(Piece("".join(piece.text for piece in self._rule(CLOSING))))
        return render(pieces, style)

    def _choice(self, choice: Choice) -> Iterator[Piece]:
        yield from self._pattern(self._generator.choice(choice.alternatives))

    def _rule(self, name: str) -> Iterator[Piece]:
        yield from self._choice(self._generator.choice(self._lines(self._grammar.rules[name])))

    def _lines(self, lines: Lines) -> Sequence[Choice]:
        held_out = lines.held_out and self._generator.random() < self._held_out_share
        return lines.held_out if held_out else lines.regular

    def _pattern(self, pattern: Pattern) -> Iterator[Piece]:
        for node in pattern:
            match node:
                case Literal(text):
                    yield Piece(text)
                case Reference(name):
                    yield from self._rule(name)
                case Labelled(slot, body):
                    yield Piece("".join(piece.text for piece in self._choice(body)), slot)
                case Choice():
                    yield from self._choice(node)


def render(pieces: Iterable[Piece], style: Style) -> Utterance:
    """Join pieces to a text in a style, without redundant spaces, and compute the slot offsets."""
    slots: list[str | None] = []
    characters: Characters = []
    for index, piece in enumerate(pieces):
        slots.append(piece.slot)
        omitted = "" if piece.slot else OMITTED_MARKS[style]
        characters.extend((character, index) for character in piece.text if character not in omitted)
    trimmed = _without_redundant_spaces(characters)
    styled = [(c.lower(), i) for c, i in trimmed] if style is Style.SPOKEN else _capitalised(trimmed)
    text = "".join(character for character, _ in styled)
    return Utterance(text, tuple(_spans(styled, slots)))


def _is_closed(pieces: Sequence[Piece]) -> bool:
    return "".join(piece.text for piece in pieces).rstrip()[-1:] in CLOSING_MARKS


def _without_redundant_spaces(characters: Characters) -> Characters:
    """Remove spaces at both ends, before another space and before punctuation."""
    result: Characters = []
    for character, index in characters:
        if result and result[-1][0] == " " and character in NO_SPACE_BEFORE:
            result.pop()
        if result or character != " ":
            result.append((character, index))
    if result and result[-1][0] == " ":
        result.pop()
    return result


def _capitalised(characters: Characters) -> Characters:
    """Capitalise the first letter or digit, which does not change a digit."""
    for position, (character, index) in enumerate(characters):
        if character.isalnum():
            return [*characters[:position], (character.upper(), index), *characters[position + 1 :]]
    return characters


def _spans(characters: Characters, slots: Sequence[str | None]) -> Iterator[tuple[str, int, int]]:
    """Yield (slot, start, end) of each slot, without spaces at its ends."""
    positions_of: dict[int, list[int]] = {}
    for position, (character, index) in enumerate(characters):
        if slots[index] is not None and not character.isspace():
            positions_of.setdefault(index, []).append(position)
    for index, positions in positions_of.items():
        slot = slots[index]
        assert slot is not None
        yield slot, positions[0], positions[-1] + 1
