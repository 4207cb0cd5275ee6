"""What a reader hands back beside the examples, and what it gathers while it reads."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from core.contracts.values import Contract
from core.errors import Fault, InvalidInput
from core.formats.file_format import FileFormat

MAX_FAULTS = 100
"""Faults told one by one: enough to see every kind, and an answer that a person can still read."""

LINES_SHOWN = 5
"""Line numbers spelt out in a warning; the notes themselves hold all of them."""

FaultPlace: TypeAlias = int | str
"""A line of the file, the first being 1, or a JSON pointer into a document."""

Read = TypeVar("Read", bound=Contract)
"""The kind of example that a reader makes of a file."""


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
        unanswered: How many questions say that they have no answer; none of them is an example.
    """

    format: FileFormat
    shrunk: tuple[int, ...] = ()
    clipped: tuple[int, ...] = ()
    disagreeing: tuple[int, ...] = ()
    possessive: tuple[int, ...] = ()
    repaired: tuple[int, ...] = ()
    locales: Mapping[str, int] = field(default_factory=dict)
    unanswered: int = 0

    def warnings(self) -> tuple[str, ...]:
        """Tell the notes to a person, one sentence for each kind that occurred."""
        kinds = (
            (self.shrunk, "span(s) began or ended with white space and were shrunk"),
            (self.clipped, "span(s) began before the text and now begin with it"),
            (self.disagreeing, "example(s) have tokens that contradict the spans; the spans were taken"),
            (self.possessive, "span(s) ended in a possessive 's, which was left out"),
            (self.repaired, "I- tag(s) continued no slot and were taken to begin one"),
        )
        told = [f"{len(lines)} {sentence} ({_places(lines)})" for lines, sentence in kinds if lines]
        if self.unanswered:
            told.append(
                f"{self.unanswered} question(s) have no answer (SQuAD 2.0's is_impossible) and were left out"
            )
        return tuple(told)


@dataclass(frozen=True, slots=True)
class ReadResult(Generic[Read]):
    """The examples of a file, in its order, and the notes on them."""

    examples: tuple[Read, ...]
    notes: ReadNotes


@dataclass(slots=True)
class Findings:
    """What a reader gathers on its way through a file.

    Attributes:
        undecodable: Lines that are not UTF-8. Their fault is told; what follows from it is not.
    """

    faults: list[tuple[FaultPlace, str]] = field(default_factory=list)
    undecodable: set[int] = field(default_factory=set)
    shrunk: list[int] = field(default_factory=list)
    clipped: list[int] = field(default_factory=list)
    disagreeing: list[int] = field(default_factory=list)
    possessive: list[int] = field(default_factory=list)
    repaired: list[int] = field(default_factory=list)
    locales: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0

    def fault(self, place: FaultPlace, detail: str) -> None:
        """Add a fault, unless the line could not be decoded in the first place."""
        if place not in self.undecodable:
            self.faults.append((place, detail))

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
            unanswered=self.unanswered,
        )


def invalid(faults: Sequence[tuple[FaultPlace, str]]) -> InvalidInput:
    """Make the error that tells the faults of a file, each once.

    Args:
        faults: Place and detail, never empty; lines in any order, pointers in that of the document.
    """
    in_order = sorted(dict.fromkeys(faults), key=lambda fault: fault[0] if isinstance(fault[0], int) else 0)
    told = [Fault(pointer(place), detail) for place, detail in in_order[:MAX_FAULTS]]
    untold = in_order[MAX_FAULTS:]
    if untold:
        told.append(Fault(pointer(untold[0][0]), f"from here on {len(untold)} more faults"))
    return InvalidInput(told)


def pointer(place: FaultPlace) -> str:
    """Write a place as faults do."""
    return f"line {place}" if isinstance(place, int) else place


def _places(lines: Sequence[int]) -> str:
    """Name the first few lines."""
    distinct = list(dict.fromkeys(lines))
    named = ", ".join(str(line) for line in distinct[:LINES_SHOWN])
    ending = ", …" if len(distinct) > LINES_SHOWN else ""
    return f"line{'s' if len(distinct) > 1 else ''} {named}{ending}"
