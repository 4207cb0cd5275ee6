"""What a reader hands back beside the examples, and what it gathers while it reads."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.contracts.examples import MtodExample
from core.errors import Fault, InvalidInput
from core.formats.formats import FileFormat

MAX_FAULTS = 100
"""Faults told one by one: enough to see every kind, and an answer that a person can still read."""

LINES_SHOWN = 5
"""Line numbers spelt out in a warning; the notes themselves hold all of them."""


@dataclass(frozen=True, slots=True)
class ReadNotes:
    """What a reader settled on its own; nothing here is a fault.

    Attributes:
        format: The format the file was read as.
        shrunk: The line of every span that began or ended with white space and was shrunk.
        clipped: The line of every span that began before its text and now begins with it.
        disagreeing: The line of every example whose tokens contradict its character spans; the
            characters were taken.
        possessive: The line of every span that ended in an English 's, which is not part of it.
        repaired: The line of every ``I-`` tag that continued nothing and was taken for a ``B-``.
        locales: Locale as the file writes it (``es_XX``) → its rows; empty when the file says none.
    """

    format: FileFormat
    shrunk: tuple[int, ...] = ()
    clipped: tuple[int, ...] = ()
    disagreeing: tuple[int, ...] = ()
    possessive: tuple[int, ...] = ()
    repaired: tuple[int, ...] = ()
    locales: Mapping[str, int] = field(default_factory=dict)

    def warnings(self) -> tuple[str, ...]:
        """Tell the notes to a person, one sentence for each kind that occurred."""
        kinds = (
            (self.shrunk, "span(s) began or ended with white space and were shrunk"),
            (self.clipped, "span(s) began before the text and now begin with it"),
            (self.disagreeing, "example(s) have tokens that contradict the spans; the spans were taken"),
            (self.possessive, "span(s) ended in a possessive 's, which was left out"),
            (self.repaired, "I- tag(s) continued no slot and were taken to begin one"),
        )
        return tuple(f"{len(lines)} {told} ({_places(lines)})" for lines, told in kinds if lines)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The examples of a file, in its order, and the notes on them."""

    examples: tuple[MtodExample, ...]
    notes: ReadNotes


@dataclass(slots=True)
class Findings:
    """What a reader gathers line by line.

    Attributes:
        undecodable: Lines that are not UTF-8. Their fault is told; what follows from it is not.
    """

    faults: list[tuple[int, str]] = field(default_factory=list)
    undecodable: set[int] = field(default_factory=set)
    shrunk: list[int] = field(default_factory=list)
    clipped: list[int] = field(default_factory=list)
    disagreeing: list[int] = field(default_factory=list)
    possessive: list[int] = field(default_factory=list)
    repaired: list[int] = field(default_factory=list)
    locales: Counter[str] = field(default_factory=Counter)

    def fault(self, line: int, detail: str) -> None:
        """Add a fault, unless the line could not be decoded in the first place."""
        if line not in self.undecodable:
            self.faults.append((line, detail))

    def raise_faults(self) -> None:
        """Do nothing without faults.

        Raises:
            InvalidInput: The first `MAX_FAULTS` faults in the order of the file, and how many follow.
        """
        if self.faults:
            raise invalid(self.faults)

    def notes(self, file_format: FileFormat) -> ReadNotes:
        """Freeze the notes."""
        return ReadNotes(
            format=file_format,
            shrunk=tuple(self.shrunk),
            clipped=tuple(self.clipped),
            disagreeing=tuple(self.disagreeing),
            possessive=tuple(self.possessive),
            repaired=tuple(self.repaired),
            locales=dict(sorted(self.locales.items())),
        )


def invalid(faults: Sequence[tuple[int, str]]) -> InvalidInput:
    """Make the error that tells faults of lines.

    Args:
        faults: Line (the first is 1) and detail, in any order; never empty.
    """
    in_order = sorted(faults, key=lambda fault: fault[0])
    told = [Fault(f"line {line}", detail) for line, detail in in_order[:MAX_FAULTS]]
    untold = in_order[MAX_FAULTS:]
    if untold:
        told.append(Fault(f"line {untold[0][0]}", f"from here on {len(untold)} more faults"))
    return InvalidInput(told)


def _places(lines: Sequence[int]) -> str:
    """Name the first few lines."""
    distinct = list(dict.fromkeys(lines))
    named = ", ".join(str(line) for line in distinct[:LINES_SHOWN])
    ending = ", …" if len(distinct) > LINES_SHOWN else ""
    return f"line{'s' if len(distinct) > 1 else ''} {named}{ending}"
