"""Grammars: the rules and frames of a language, read from a folder.

A language is a folder of ``*.grammar`` files, so that new languages need no code::

    # a comment
    = weekday            starts a rule; each line below is an alternative
    Monday | Tuesday
    +                    lines below are held out: never in training or few-shot data
    Sunday

    @ alarm/set_alarm    starts an intent; each line below is a frame
    [please] wake me up {datetime: on <weekday>}

Lines are patterns (see `samples.patterns`). All lines of a rule are equally probable, however many
alternatives they have. The rule ``closing`` defines the end of a complete sentence.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from samples.patterns import Choice, Labelled, PatternError, Reference, parse, walk

CLOSING = "closing"


class GrammarError(ValueError):
    """A grammar file is invalid; the message has its file and line."""


@dataclass(slots=True)
class Lines:
    """Lines of a rule or an intent."""

    regular: list[Choice] = field(default_factory=list)
    held_out: list[Choice] = field(default_factory=list)

    def __iter__(self) -> Iterator[Choice]:
        """Yield all lines, the held-out ones last."""
        yield from self.regular
        yield from self.held_out


@dataclass(slots=True)
class Grammar:
    """Grammar of a language.

    Attributes:
        rules: Name → lines of a rule.
        intents: Name → frames of an intent.
    """

    rules: dict[str, Lines] = field(default_factory=dict)
    intents: dict[str, Lines] = field(default_factory=dict)
    _rule_slots: dict[str, set[str]] = field(default_factory=dict, repr=False, compare=False)

    def slots_of(self, line: Choice) -> set[str]:
        """Return the slots that a line can mark, directly or by its rules."""
        slots: set[str] = set()
        for node in walk(line):
            if isinstance(node, Labelled):
                slots.add(node.slot)
            elif isinstance(node, Reference):
                slots |= self._slots_of_rule(node.name)
        return slots

    def _slots_of_rule(self, name: str) -> set[str]:
        """Return the slots that the lines of a rule can mark; computed once, because rules are shared."""
        if name not in self._rule_slots:
            self._rule_slots[name] = set().union(*(self.slots_of(line) for line in self.rules[name]))
        return self._rule_slots[name]


def read_grammar(folder: Path) -> Grammar:
    """Read all ``*.grammar`` files of a folder as a grammar.

    Raises:
        GrammarError: There is no file, a line cannot be parsed, a rule is missing, empty, defined twice or
            recursive, or slots are nested.
    """
    files = sorted(folder.glob("*.grammar"))
    if not files:
        raise GrammarError(f"{folder} holds no .grammar file")
    grammar = Grammar()
    for file in files:
        _read_file(file, grammar)
    checked: set[str] = set()
    for name in grammar.rules:
        _check_rule(grammar, name, checked, ())
    for intent, lines in grammar.intents.items():
        _check_lines(grammar, lines, f"@ {intent}", checked)
    return grammar


def _read_file(file: Path, grammar: Grammar) -> None:
    lines: Lines | None = None
    target: list[Choice] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        place = f"{file.name}:{number}"
        if text[0] in "=@":
            lines = _start_section(grammar, text, place)
            target = lines.regular
        elif lines is None:
            raise GrammarError(f"{place}: a line stands before the first '= rule' or '@ intent'")
        elif text == "+":
            target = lines.held_out
        else:
            target.append(_parse_line(text, place))


def _start_section(grammar: Grammar, text: str, place: str) -> Lines:
    """Add the rule or intent of a heading."""
    table = grammar.rules if text[0] == "=" else grammar.intents
    name = text[1:].strip()
    if not name or name in table:
        raise GrammarError(f"{place}: {name!r} is defined twice" if name else f"{place}: the name is missing")
    return table.setdefault(name, Lines())


def _parse_line(text: str, place: str) -> Choice:
    try:
        return parse(text)
    except PatternError as error:
        raise GrammarError(f"{place}: {error}") from error


def _check_rule(grammar: Grammar, name: str, checked: set[str], path: tuple[str, ...]) -> None:
    """Check a rule and all rules that it references, except those that are checked already."""
    if name in path:
        raise GrammarError(f"<{name}> is part of itself: {' → '.join([*path, name])}")
    if name not in checked:
        _check_lines(grammar, grammar.rules[name], f"<{name}>", checked, (*path, name))
        checked.add(name)


def _check_lines(
    grammar: Grammar, lines: Lines, title: str, checked: set[str], path: tuple[str, ...] = ()
) -> None:
    if not lines.regular:
        raise GrammarError(f"{title} has no line outside the held-out part")
    for node in (node for line in lines for node in walk(line)):
        if isinstance(node, Reference):
            if node.name not in grammar.rules:
                raise GrammarError(f"{title} names <{node.name}>, which is no rule")
            _check_rule(grammar, node.name, checked, path)
        elif isinstance(node, Labelled) and grammar.slots_of(node.body):
            raise GrammarError(f"{title} marks a slot within the slot {node.slot!r}")
