"""The way in: the bytes of a file → examples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic

from core.contracts.examples import MtodExample
from core.contracts.questions import QaExample
from core.contracts.values import TaskName
from core.errors import Fault, InvalidInput
from core.formats.conll import read_conll
from core.formats.detection import detect_format, detect_task
from core.formats.file_format import FileFormat
from core.formats.jsonl import read_question_lines, read_utterance_lines
from core.formats.line_decoding import decode_lines
from core.formats.notes import Findings, Read, ReadResult, invalid
from core.formats.squad import read_squad
from core.formats.tsv import read_tsv

Reader = Callable[[Sequence[str], Findings], list[Read]]


@dataclass(frozen=True, slots=True)
class _Reading(Generic[Read]):
    """How the examples of one task are read."""

    task: TaskName
    readers: Mapping[FileFormat, Reader[Read]]


UTTERANCES: Final[_Reading[MtodExample]] = _Reading(
    TaskName.MTOD,
    {
        FileFormat.JSONL: read_utterance_lines,
        FileFormat.MTOD_TSV: read_tsv,
        FileFormat.CONLL: read_conll,
    },
)
QUESTIONS: Final[_Reading[QaExample]] = _Reading(
    TaskName.QA, {FileFormat.JSONL: read_question_lines, FileFormat.SQUAD: read_squad}
)

CONTENTS: Final = {
    TaskName.MTOD: "these are labelled utterances",
    TaskName.QA: "this is question-answering data",
}
TITLES: Final = {
    FileFormat.JSONL: "JSONL",
    FileFormat.MTOD_TSV: "MTOD TSV",
    FileFormat.CONLL: "CoNLL",
    FileFormat.SQUAD: "SQuAD JSON",
}
"""What people call the formats."""


def read_examples(data: bytes, *, name: str = "", format: str | None = None) -> list[MtodExample]:
    """Read labelled utterances from a file.

    Args:
        data: The whole file, in UTF-8.
        name: Its name; the extension is asked only where the content does not tell the format.
        format: A `FileFormat`, or None to tell it by the content.

    Raises:
        InvalidInput: Every fault of the file with its ``line N``, up to a hundred.
    """
    return list(read_examples_with_notes(data, name=name, format=format).examples)


def read_examples_with_notes(
    data: bytes, *, name: str = "", format: str | None = None
) -> ReadResult[MtodExample]:
    """Read labelled utterances, and tell what had to be settled; see `read_examples`."""
    return _read(UTTERANCES, data, name=name, format=format)


def read_questions(data: bytes, *, name: str = "", format: str | None = None) -> list[QaExample]:
    """Read questions with their contexts and answers from a file.

    Args:
        data: The whole file, in UTF-8.
        name: Its name; the extension is asked only where the content does not tell the format.
        format: A `FileFormat`, or None to tell it by the content.

    Raises:
        InvalidInput: Every fault of the file with its ``line N`` or, in SQuAD JSON, its JSON pointer, up
            to a hundred.
    """
    return list(read_questions_with_notes(data, name=name, format=format).examples)


def read_questions_with_notes(
    data: bytes, *, name: str = "", format: str | None = None
) -> ReadResult[QaExample]:
    """Read questions, and tell what had to be settled; see `read_questions`."""
    return _read(QUESTIONS, data, name=name, format=format)


def _read(reading: _Reading[Read], data: bytes, *, name: str, format: str | None) -> ReadResult[Read]:
    """Read the examples of a task.

    Raises:
        InvalidInput: The format is not for the task, the file is of another task, or it has faults.
    """
    chosen = _chosen(format, reading)
    findings = Findings()
    lines = decode_lines(data, findings)
    file_format = chosen or detect_format(lines, name=name, among=reading.readers)
    found = detect_task(lines, file_format)
    if found not in {None, reading.task}:
        told = f"{CONTENTS[found]} ({TITLES[file_format]}); the task is {reading.task}"
        raise invalid([(1, told)])
    examples = reading.readers[file_format](lines, findings)
    findings.raise_faults()
    notes = findings.notes(file_format)
    if not examples:
        raise invalid([(1, "; ".join(("the file holds no example", *notes.warnings())))])
    return ReadResult(tuple(examples), notes)


def _chosen(name: str | None, reading: _Reading[Read]) -> FileFormat | None:
    """Return the format of a name.

    Raises:
        InvalidInput: The task has no format of that name.
    """
    if name is None:
        return None
    formats = {str(file_format): file_format for file_format in reading.readers}
    if name not in formats:
        detail = f"{name!r} is none of the formats {', '.join(formats)} of the task {reading.task}"
        raise InvalidInput([Fault("/format", detail)])
    return formats[name]
