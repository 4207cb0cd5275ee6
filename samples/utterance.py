"""From a frame to an utterance: choose, tidy, put into a manner of speech, and keep the spans right."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from samples.grammar import CLOSING, Grammar, Lines
from samples.patterns import Choice, Labelled, Literal, Pattern, Reference

CLOSING_MARKS = ".!?…"
NO_SPACE_BEFORE = " .,;:!?…"


class Style(Enum):
    """How an utterance is written down; the words stay as they are."""

    SENTENCE = "a complete sentence"
    CASUAL = "no opening marks, no full stop"
    BARE = "no marks at the ends"
    SPOKEN = "as a voice transcript: lower case, no marks"


STYLE_WEIGHTS = {Style.SENTENCE: 4, Style.CASUAL: 3, Style.BARE: 2, Style.SPOKEN: 3}


ALL_MARKS = ".,;:!?¡¿…"
DROPPED_MARKS = {Style.SENTENCE: "", Style.CASUAL: "¡¿", Style.BARE: "¡¿.!?…", Style.SPOKEN: ALL_MARKS}
"""The marks that a style leaves out; those within a slot, such as the comma of a place, always stay."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text within one slot, or outside every slot."""

    text: str
    slot: str | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """A finished text and its slots as (slot, start, end)."""

    text: str
    spans: tuple[tuple[str, int, int], ...]

    @property
    def key(self) -> str:
        """The text without case, marks and surplus spaces: two utterances of one key are the same."""
        letters = "".join(" " if character in ALL_MARKS else character for character in self.text.casefold())
        return " ".join(letters.split())

    @property
    def repeats_itself(self) -> bool:
        """Whether one slot says what another says already: "Lima, not Lima"."""
        values = [f" {self.text[start:end].casefold()} " for _, start, end in self.spans]
        return any(one in other for i, one in enumerate(values) for j, other in enumerate(values) if i != j)


Characters = list[tuple[str, int]]
"""A text with, at every character, the number of the piece that it came from."""


class Speaker:
    """Says frames of a grammar.

    Args:
        grammar: What can be said.
        chance: The source of every choice.
        held_out_share: How often the held-out lines of a rule that has them are taken; 0 is never.
    """

    def __init__(self, grammar: Grammar, chance: random.Random, *, held_out_share: float = 0.0) -> None:
        self._grammar = grammar
        self._chance = chance
        self._held_out_share = held_out_share

    def say(self, frame: Choice) -> Utterance:
        """Return one utterance of a frame."""
        pieces = list(self._choice(frame))
        style = self._chance.choices(list(STYLE_WEIGHTS), weights=list(STYLE_WEIGHTS.values()))[0]
        if style is Style.SENTENCE and CLOSING in self._grammar.rules and not _is_closed(pieces):
            pieces.append(Piece("".join(piece.text for piece in self._rule(CLOSING))))
        return written(pieces, style)

    def _choice(self, choice: Choice) -> Iterator[Piece]:
        yield from self._pattern(self._chance.choice(choice.alternatives))

    def _rule(self, name: str) -> Iterator[Piece]:
        yield from self._choice(self._chance.choice(self._lines(self._grammar.rules[name])))

    def _lines(self, lines: Lines) -> Sequence[Choice]:
        held_out = lines.held_out and self._chance.random() < self._held_out_share
        return lines.held_out if held_out else lines.seen

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


def written(pieces: Iterable[Piece], style: Style) -> Utterance:
    """Join pieces into a text in a style, without surplus spaces, and find the slots in it."""
    slots: list[str | None] = []
    characters: Characters = []
    for index, piece in enumerate(pieces):
        slots.append(piece.slot)
        dropped = "" if piece.slot else DROPPED_MARKS[style]
        characters.extend((character, index) for character in piece.text if character not in dropped)
    tidied = _tidied(characters)
    styled = [(c.lower(), i) for c, i in tidied] if style is Style.SPOKEN else _capitalised(tidied)
    text = "".join(character for character, _ in styled)
    return Utterance(text, tuple(_spans(styled, slots)))


def _is_closed(pieces: Sequence[Piece]) -> bool:
    return "".join(piece.text for piece in pieces).rstrip()[-1:] in CLOSING_MARKS


def _tidied(characters: Characters) -> Characters:
    """Drop spaces at the ends, before another space and before a mark."""
    kept: Characters = []
    for character, index in characters:
        if kept and kept[-1][0] == " " and character in NO_SPACE_BEFORE:
            kept.pop()
        if kept or character != " ":
            kept.append((character, index))
    if kept and kept[-1][0] == " ":
        kept.pop()
    return kept


def _capitalised(characters: Characters) -> Characters:
    """Write the first letter large; a digit in its place needs nothing."""
    for position, (character, index) in enumerate(characters):
        if character.isalnum():
            large = character.upper()
            return [*characters[:position], (large, index), *characters[position + 1 :]]
    return characters


def _spans(characters: Characters, slots: Sequence[str | None]) -> Iterator[tuple[str, int, int]]:
    """Yield each slot from its first to its last character that is no space."""
    places: dict[int, list[int]] = {}
    for position, (character, index) in enumerate(characters):
        if slots[index] is not None and not character.isspace():
            places.setdefault(index, []).append(position)
    for index, positions in places.items():
        slot = slots[index]
        assert slot is not None
        yield slot, positions[0], positions[-1] + 1
