"""Pattern language of the sample grammars.

A pattern is an utterance with alternatives:

==================  ==========================================================
``(a | b)``         one of the alternatives, which may be empty
``[a | b]``         one of the alternatives, or nothing
``<name>``          a line of the rule ``name``
``{slot: body}``    the body, marked as a slot
==================  ==========================================================

Inside brackets, spaces around ``|`` and next to the brackets are ignored; outside they are preserved, so that
languages without spaces need no special case. Redundant spaces are removed from the utterance later.
"""

from collections.abc import Iterator
from dataclasses import dataclass

CLOSERS = {"(": ")", "[": "]", "{": "}", "<": ">"}


class PatternError(ValueError):
    """A pattern cannot be parsed."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Literal text."""

    text: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Reference to a rule."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives, one of which is selected."""

    alternatives: "tuple[Pattern, ...]"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A span that is marked as a slot."""

    slot: str
    body: Choice


Node = Literal | Reference | Choice | Labelled
Pattern = tuple[Node, ...]


def parse(text: str) -> Choice:
    """Parse a line of a grammar.

    Raises:
        PatternError: Brackets are unbalanced, or a slot or rule has no name.
    """
    parser = _Parser(text)
    choice = parser.alternatives("")
    if parser.position < len(text):
        raise PatternError(f"{text[parser.position]!r} at character {parser.position} closes nothing")
    return choice


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all its descendants."""
    yield node
    if isinstance(node, Labelled):
        yield from walk(node.body)
    elif isinstance(node, Choice):
        for pattern in node.alternatives:
            for child in pattern:
                yield from walk(child)


class _Parser:
    """Recursive descent parser of a line."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def alternatives(self, closer: str) -> Choice:
        """Parse patterns separated by ``|`` up to the closing bracket, which is not consumed."""
        patterns = [self._pattern()]
        while self._peek() == "|":
            self.position += 1
            patterns.append(self._pattern())
        if self._peek() != closer and closer:
            raise PatternError(f"{closer!r} is missing at character {self.position}")
        return Choice(tuple(patterns))

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
    """Remove the outer spaces of a pattern, which only format the grammar file."""
    if nodes and isinstance(nodes[0], Literal):
        nodes[0] = Literal(nodes[0].text.lstrip())
    if nodes and isinstance(nodes[-1], Literal):
        nodes[-1] = Literal(nodes[-1].text.rstrip())
    return tuple(node for node in nodes if node != Literal(""))
