"""Faults and notes of reading a file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from core.contracts.values import Contract
from core.errors import Fault, InvalidInput
from core.formats.file_format import FileFormat

MAX_FAULTS = 100
"""Faults reported individually: enough to show every kind, in a response that is still readable."""

MAX_LINES_SHOWN = 5
"""Line numbers listed in a warning; the notes contain all of them."""

FaultLocation: TypeAlias = int | str
"""A line of the file, starting at 1, or a JSON pointer into a document."""

ExampleT = TypeVar("ExampleT", bound=Contract)
"""The class of the examples in a file."""


@dataclass(frozen=True, slots=True)
class ReadNotes:
    """Irregularities of a file that the reader resolved; none of them is a fault.

    Attributes:
        format: The format that the file was read as.
        trimmed_spans: Line of each span that began or ended with white space, which was removed.
        clipped_spans: Line of each span that began before its text and was clipped to it.
        token_conflicts: Line of each example whose tokens contradict its character spans; the character
            spans were used.
        possessives: Line of each span that ended in an English 's, which was excluded.
        orphan_tags: Line of each ``I-`` tag that continued no span and was read as ``B-``.
        locales: Locale as written in the file (``es_XX``) → number of rows; empty if the file has none.
        unanswered_questions: Number of questions marked as unanswerable; they were skipped.
    """

    format: FileFormat
    trimmed_spans: tuple[int, ...] = ()
    clipped_spans: tuple[int, ...] = ()
    token_conflicts: tuple[int, ...] = ()
    possessives: tuple[int, ...] = ()
    orphan_tags: tuple[int, ...] = ()
    locales: Mapping[str, int] = field(default_factory=dict)
    unanswered_questions: int = 0

    def warnings(self) -> tuple[str, ...]:
        """Return one sentence for each kind of irregularity that occurred."""
        kinds = (
            (self.trimmed_spans, "span(s) began or ended with white space and were shrunk"),
            (self.clipped_spans, "span(s) began before the text and now begin with it"),
            (self.token_conflicts, "example(s) have tokens that contradict the spans; the spans were taken"),
            (self.possessives, "span(s) ended in a possessive 's, which was left out"),
            (self.orphan_tags, "I- tag(s) continued no slot and were taken to begin one"),
        )
        sentences = [
            f"{len(lines)} {sentence} ({_format_lines(lines)})" for lines, sentence in kinds if lines
        ]
        if self.unanswered_questions:
            sentences.append(
                f"{self.unanswered_questions} question(s) have no answer (SQuAD 2.0's is_impossible) "
                "and were left out"
            )
        return tuple(sentences)


@dataclass(frozen=True, slots=True)
class ReadResult(Generic[ExampleT]):
    """The examples of a file, in file order, and the notes of the reader."""

    examples: tuple[ExampleT, ...]
    notes: ReadNotes


@dataclass(slots=True)
class Diagnostics:
    """Collector of the faults and notes of one file; the attributes of notes are those of `ReadNotes`.

    Attributes:
        faults: Location and description of each fault.
        undecodable_lines: Lines that are not UTF-8; only that fault of them is reported.
    """

    faults: list[tuple[FaultLocation, str]] = field(default_factory=list)
    undecodable_lines: set[int] = field(default_factory=set)
    trimmed_spans: list[int] = field(default_factory=list)
    clipped_spans: list[int] = field(default_factory=list)
    token_conflicts: list[int] = field(default_factory=list)
    possessives: list[int] = field(default_factory=list)
    orphan_tags: list[int] = field(default_factory=list)
    locales: Counter[str] = field(default_factory=Counter)
    unanswered_questions: int = 0

    def add_fault(self, location: FaultLocation, detail: str) -> None:
        """Add a fault, unless its line could not be decoded."""
        if location not in self.undecodable_lines:
            self.faults.append((location, detail))

    def raise_faults(self) -> None:
        """Raise the faults, if there are any.

        Raises:
            InvalidInput: The first `MAX_FAULTS` faults in file order, and the number of the others.
        """
        if self.faults:
            raise invalid_file(self.faults)

    def notes(self, file_format: FileFormat) -> ReadNotes:
        """Return the notes as an immutable object."""
        return ReadNotes(
            format=file_format,
            trimmed_spans=tuple(self.trimmed_spans),
            clipped_spans=tuple(self.clipped_spans),
            token_conflicts=tuple(self.token_conflicts),
            possessives=tuple(self.possessives),
            orphan_tags=tuple(self.orphan_tags),
            locales=dict(sorted(self.locales.items())),
            unanswered_questions=self.unanswered_questions,
        )


def invalid_file(faults: Sequence[tuple[FaultLocation, str]]) -> InvalidInput:
    """Return the error for the faults of a file, without duplicates.

    Args:
        faults: Location and description of each fault, never empty. Lines may be in any order; pointers must
            be in document order.
    """
    ordered = sorted(dict.fromkeys(faults), key=lambda fault: fault[0] if isinstance(fault[0], int) else 0)
    reported = [Fault(format_location(location), detail) for location, detail in ordered[:MAX_FAULTS]]
    remaining = ordered[MAX_FAULTS:]
    if remaining:
        reported.append(Fault(format_location(remaining[0][0]), f"from here on {len(remaining)} more faults"))
    return InvalidInput(reported)


def format_location(location: FaultLocation) -> str:
    """Return a location as the pointer of a `Fault`: ``line 7``, or the JSON pointer itself."""
    return f"line {location}" if isinstance(location, int) else location


def _format_lines(lines: Sequence[int]) -> str:
    """Return the first few line numbers as text."""
    distinct = list(dict.fromkeys(lines))
    listed = ", ".join(str(line) for line in distinct[:MAX_LINES_SHOWN])
    ending = ", …" if len(distinct) > MAX_LINES_SHOWN else ""
    return f"line{'s' if len(distinct) > 1 else ''} {listed}{ending}"
