"""Reading of dataset files: detects the format, decodes, parses and validates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic

from core.contracts.examples import MtodExample
from core.contracts.qa_examples import QaExample
from core.contracts.values import MTOD, QA, TaskName
from core.errors import Fault, InvalidInput
from core.formats.conll import read_conll
from core.formats.detection import detect_format, detect_task
from core.formats.diagnostics import Diagnostics, ExampleT, ReadResult, invalid_file
from core.formats.file_format import FileFormat
from core.formats.jsonl import read_question_lines, read_utterance_lines
from core.formats.line_decoding import decode_lines
from core.formats.squad import read_squad
from core.formats.tsv import read_tsv

Reader = Callable[[Sequence[str], Diagnostics], list[ExampleT]]


@dataclass(frozen=True, slots=True)
class _TaskReaders(Generic[ExampleT]):
    """The readers of the examples of a task, by format."""

    task: TaskName
    readers: Mapping[FileFormat, Reader[ExampleT]]


UTTERANCES: Final[_TaskReaders[MtodExample]] = _TaskReaders(
    MTOD,
    {
        FileFormat.JSONL: read_utterance_lines,
        FileFormat.MTOD_TSV: read_tsv,
        FileFormat.CONLL: read_conll,
    },
)
QUESTIONS: Final[_TaskReaders[QaExample]] = _TaskReaders(
    QA, {FileFormat.JSONL: read_question_lines, FileFormat.SQUAD: read_squad}
)

CONTENTS: Final = {
    MTOD: "these are labelled utterances",
    QA: "this is question-answering data",
}
TITLES: Final = {
    FileFormat.JSONL: "JSONL",
    FileFormat.MTOD_TSV: "MTOD TSV",
    FileFormat.CONLL: "CoNLL",
    FileFormat.SQUAD: "SQuAD JSON",
}
"""Display names of the formats."""


def read_examples(data: bytes, *, name: str = "", format: str | None = None) -> list[MtodExample]:
    """Read labelled utterances from a file.

    Args:
        data: Content of the file, in UTF-8.
        name: File name; its extension is used if the format cannot be detected by content.
        format: A `FileFormat`, or None to detect it.

    Raises:
        InvalidInput: The faults of the file with their lines (``line N``), up to 100.
    """
    return list(read_examples_with_notes(data, name=name, format=format).examples)


def read_examples_with_notes(
    data: bytes, *, name: str = "", format: str | None = None
) -> ReadResult[MtodExample]:
    """Read labelled utterances and return the reader's notes too; see `read_examples`."""
    return _read(UTTERANCES, data, name=name, format=format)


def read_questions(data: bytes, *, name: str = "", format: str | None = None) -> list[QaExample]:
    """Read questions with their contexts and answers from a file.

    Args:
        data: Content of the file, in UTF-8.
        name: File name; its extension is used if the format cannot be detected by content.
        format: A `FileFormat`, or None to detect it.

    Raises:
        InvalidInput: The faults of the file with their lines (``line N``) or, in SQuAD JSON, their JSON
            pointers, up to 100.
    """
    return list(read_questions_with_notes(data, name=name, format=format).examples)


def read_questions_with_notes(
    data: bytes, *, name: str = "", format: str | None = None
) -> ReadResult[QaExample]:
    """Read questions and return the reader's notes too; see `read_questions`."""
    return _read(QUESTIONS, data, name=name, format=format)


def _read(
    task_readers: _TaskReaders[ExampleT], data: bytes, *, name: str, format: str | None
) -> ReadResult[ExampleT]:
    """Read the examples of a task.

    Raises:
        InvalidInput: The task does not support the format, the file is of another task, or it has faults.
    """
    given_format = _parse_format(format, task_readers)
    diagnostics = Diagnostics()
    lines = decode_lines(data, diagnostics)
    file_format = given_format or detect_format(lines, name=name, among=task_readers.readers)
    file_task = detect_task(lines, file_format)
    if file_task not in {None, task_readers.task}:
        detail = f"{CONTENTS[file_task]} ({TITLES[file_format]}); the task is {task_readers.task}"
        raise invalid_file([(1, detail)])
    examples = task_readers.readers[file_format](lines, diagnostics)
    diagnostics.raise_faults()
    notes = diagnostics.notes(file_format)
    if not examples:
        raise invalid_file([(1, "; ".join(("the file holds no example", *notes.warnings())))])
    return ReadResult(tuple(examples), notes)


def _parse_format(name: str | None, task_readers: _TaskReaders[ExampleT]) -> FileFormat | None:
    """Return the format with a name, or None if no name is given.

    Raises:
        InvalidInput: The task does not support a format with that name.
    """
    if name is None:
        return None
    formats = {str(file_format): file_format for file_format in task_readers.readers}
    if name not in formats:
        detail = f"{name!r} is none of the formats {', '.join(formats)} of the task {task_readers.task}"
        raise InvalidInput([Fault("/format", detail)])
    return formats[name]
