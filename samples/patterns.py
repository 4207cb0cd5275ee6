"""The pattern language of the sample grammars.

A pattern is what a person could say, with the places where they could say it otherwise:

==================  ==========================================================
``(a | b)``         one of them; an empty one is allowed
``[a | b]``         one of them, or nothing
``<name>``          one line of the rule ``name``
``{slot: body}``    the body, marked as a slot
==================  ==========================================================

Spaces around ``|`` and next to brackets mean nothing inside them; outside they are kept as written, so
languages without spaces need no exception. Surplus spaces go when the utterance is tidied.
"""

from collections.abc import Iterator
from dataclasses import dataclass

CLOSERS = {"(": ")", "[": "]", "{": "}", "<": ">"}


class PatternError(ValueError):
    """A pattern cannot be read."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Text to be said as it stands."""

    text: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A rule to be said in this place."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives, of which one is said."""

    alternatives: "tuple[Pattern, ...]"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A stretch of text that is a slot."""

    slot: str
    body: Choice


Node = Literal | Reference | Choice | Labelled
Pattern = tuple[Node, ...]


def parse(text: str) -> Choice:
    """Read one line of a grammar.

    Raises:
        PatternError: A bracket is left open or closed without need, or a slot or rule has no name.
    """
    reader = _Reader(text)
    choice = reader.alternatives("")
    if reader.position < len(text):
        raise PatternError(f"{text[reader.position]!r} at character {reader.position} closes nothing")
    return choice


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it."""
    yield node
    if isinstance(node, Labelled):
        yield from walk(node.body)
    elif isinstance(node, Choice):
        for pattern in node.alternatives:
            for child in pattern:
                yield from walk(child)


class _Reader:
    """Recursive descent over one line."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def alternatives(self, closer: str) -> Choice:
        """Read patterns parted by ``|`` up to the closer, which is left unread."""
        found = [self._pattern()]
        while self._peek() == "|":
            self.position += 1
            found.append(self._pattern())
        if self._peek() != closer and closer:
            raise PatternError(f"{closer!r} is missing at character {self.position}")
        return Choice(tuple(found))

    def _pattern(self) -> Pattern:
        nodes: list[Node] = []
        while (character := self._peek()) and character not in "|)]}>":
            nodes.append(self._bracket(character) if character in CLOSERS else self._literal())
        return _trimmed(nodes)

    def _literal(self) -> Literal:
        start = self.position
        while (character := self._peek()) and character not in "|()[]{}<>":
            self.position += 1
        return Literal(self.text[start : self.position])

    def _bracket(self, opener: str) -> Node:
        self.position += 1
        closer = CLOSERS[opener]
        if opener == "<":
            node: Node = Reference(self._name(closer))
        elif opener == "{":
            slot = self._name(":")
            self.position += 1
            node = Labelled(slot, self.alternatives(closer))
        else:
            node = self.alternatives(closer)
        self.position += 1
        return Choice((*node.alternatives, ())) if opener == "[" and isinstance(node, Choice) else node

    def _name(self, end: str) -> str:
        stop = self.text.find(end, self.position)
        name = self.text[self.position : stop].strip() if stop >= 0 else ""
        if not name or any(character in "|()[]{}<>" for character in name):
            raise PatternError(f"a name ending in {end!r} is missing at character {self.position}")
        self.position = stop
        return name

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]


def _trimmed(nodes: list[Node]) -> Pattern:
    """Drop the outer spaces of a pattern: they belong to how the grammar is written down."""
    if nodes and isinstance(nodes[0], Literal):
        nodes[0] = Literal(nodes[0].text.lstrip())
    if nodes and isinstance(nodes[-1], Literal):
        nodes[-1] = Literal(nodes[-1].text.rstrip())
    return tuple(node for node in nodes if node != Literal(""))
