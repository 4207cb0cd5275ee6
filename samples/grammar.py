"""Grammar files: the rules and frames of one language, read from a folder.

A language is a folder of ``*.grammar`` files and nothing else, so another one needs no code::

    # a comment
    = weekday            a rule begins; each line below it is one way to say it
    Monday | Tuesday
    +                    from here on: held out, never in training or few-shot data
    Sunday

    @ alarm/set_alarm    an intent begins; each line below it is one frame of it
    [please] wake me up {datetime: on <weekday>}

The lines themselves are patterns (see `samples.patterns`). Every line of a rule is as likely as the next,
however many alternatives it holds. A rule named ``closing`` is what a complete sentence ends with.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from samples.patterns import Choice, Labelled, PatternError, Reference, parse, walk

CLOSING = "closing"


class GrammarError(ValueError):
    """A grammar file cannot be used; the message tells the file and line."""


@dataclass(slots=True)
class Lines:
    """The ways to say a rule, or the frames of an intent."""

    seen: list[Choice] = field(default_factory=list)
    held_out: list[Choice] = field(default_factory=list)

    def __iter__(self) -> Iterator[Choice]:
        """Yield every line, the held-out ones last."""
        yield from self.seen
        yield from self.held_out


@dataclass(slots=True)
class Grammar:
    """All that can be said in one language.

    Attributes:
        rules: The named parts that frames are built of.
        intents: The frames of every intent.
    """

    rules: dict[str, Lines] = field(default_factory=dict)
    intents: dict[str, Lines] = field(default_factory=dict)

    def slots_of(self, line: Choice) -> set[str]:
        """Return the slots that a line can mark, itself or by its rules."""
        slots: set[str] = set()
        for node in walk(line):
            if isinstance(node, Labelled):
                slots.add(node.slot)
            elif isinstance(node, Reference):
                slots.update(*(self.slots_of(below) for below in self.rules[node.name]))
        return slots


def read_grammar(folder: Path) -> Grammar:
    """Read every ``*.grammar`` file of a folder into one grammar.

    Raises:
        GrammarError: There is none, a line cannot be read, a rule is missing, empty, told twice or part
            of itself, or a slot lies within a slot.
    """
    files = sorted(folder.glob("*.grammar"))
    if not files:
        raise GrammarError(f"{folder} holds no .grammar file")
    grammar = Grammar()
    for file in files:
        _read_file(file, grammar)
    for name in grammar.rules:
        _check_rule(grammar, name, ())
    for intent, lines in grammar.intents.items():
        _check_lines(grammar, lines, f"@ {intent}")
    return grammar


def _read_file(file: Path, grammar: Grammar) -> None:
    lines: Lines | None = None
    target: list[Choice] = []
    for number, raw in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        text = raw.strip()
        if not text or text.startswith("#"):
            continue
        place = f"{file.name}:{number}"
        if text[0] in "=@":
            lines = _begin(grammar, text, place)
            target = lines.seen
        elif lines is None:
            raise GrammarError(f"{place}: a line stands before the first '= rule' or '@ intent'")
        elif text == "+":
            target = lines.held_out
        else:
            target.append(_parsed(text, place))


def _begin(grammar: Grammar, text: str, place: str) -> Lines:
    """Open the rule or intent that a heading names."""
    table = grammar.rules if text[0] == "=" else grammar.intents
    name = text[1:].strip()
    if not name or name in table:
        raise GrammarError(f"{place}: {name!r} is told twice" if name else f"{place}: the name is missing")
    return table.setdefault(name, Lines())


def _parsed(text: str, place: str) -> Choice:
    try:
        return parse(text)
    except PatternError as error:
        raise GrammarError(f"{place}: {error}") from error


def _check_rule(grammar: Grammar, name: str, above: tuple[str, ...]) -> None:
    """Check a rule and everything it leads to."""
    if name in above:
        raise GrammarError(f"<{name}> is part of itself: {' → '.join([*above, name])}")
    _check_lines(grammar, grammar.rules[name], f"<{name}>", (*above, name))


def _check_lines(grammar: Grammar, lines: Lines, title: str, above: tuple[str, ...] = ()) -> None:
    if not lines.seen:
        raise GrammarError(f"{title} has no line outside the held-out part")
    for node in (node for line in lines for node in walk(line)):
        if isinstance(node, Reference):
            if node.name not in grammar.rules:
                raise GrammarError(f"{title} names <{node.name}>, which is no rule")
            _check_rule(grammar, node.name, above)
        elif isinstance(node, Labelled) and grammar.slots_of(node.body):
            raise GrammarError(f"{title} marks a slot within the slot {node.slot!r}")
