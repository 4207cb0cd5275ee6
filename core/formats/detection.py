"""What a file is: its content decides, its name only helps where the content says nothing."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePath

from core.contracts.values import TaskName
from core.formats.conll import looks_like_conll
from core.formats.file_format import FileFormat
from core.formats.json_documents import first_members
from core.formats.notes import invalid
from core.formats.squad import looks_like_squad
from core.formats.tsv import looks_like_tsv

LINES_LOOKED_AT = 20
"""Enough that one broken line at the top does not decide."""

EXTENSIONS = {
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".json": FileFormat.JSONL,
    ".tsv": FileFormat.MTOD_TSV,
    ".conll": FileFormat.CONLL,
    ".conllu": FileFormat.CONLL,
    ".bio": FileFormat.CONLL,
}

TASKS: Mapping[FileFormat, TaskName] = {
    FileFormat.MTOD_TSV: TaskName.MTOD,
    FileFormat.CONLL: TaskName.MTOD,
    FileFormat.SQUAD: TaskName.QA,
}
"""The formats that serve one task only."""

TASKS_OF_FIELDS = {"text": TaskName.MTOD, "intent": TaskName.MTOD, "question": TaskName.QA}
"""The fields that only the examples of one task have."""


def detect_format(
    lines: Sequence[str], *, name: str = "", among: Collection[FileFormat] = tuple(FileFormat)
) -> FileFormat:
    """Return the format of a document, or the one that most of the first lines can have.

    Args:
        lines: The file's lines; at least one is not blank.
        name: The file's name, if it has one.
        among: The formats to guess from where the content does not tell.

    Raises:
        InvalidInput: Neither the content nor the name tells.
    """
    if looks_like_squad(lines):
        return FileFormat.SQUAD
    looked_at = list(_first_lines(lines))
    votes = Counter(vote for _, line in looked_at if (vote := line_format(line)))
    if votes:
        return votes.most_common(1)[0][0]
    number, first = looked_at[0]
    guess = EXTENSIONS.get(PurePath(name).suffix.lower(), FileFormat.MTOD_TSV if "\t" in first else None)
    if guess is None or guess not in among:
        raise invalid([(number, f"this is none of the formats {', '.join(among)}")])
    return guess


def line_format(line: str) -> FileFormat | None:
    """Return the format that a single line can have."""
    if looks_like_tsv(line):
        return FileFormat.MTOD_TSV
    if line.lstrip().startswith(("{", "[")):
        return FileFormat.JSONL
    if looks_like_conll(line):
        return FileFormat.CONLL
    return None


def detect_task(lines: Sequence[str], file_format: FileFormat) -> TaskName | None:
    """Return the task that a file is for, or None where it does not tell.

    Args:
        lines: The file's lines; at least one is not blank.
        file_format: What they are read as.
    """
    if file_format != FileFormat.JSONL:
        return TASKS[file_format]
    if looks_like_squad(lines):
        return TaskName.QA
    fields = (field for _, line in _first_lines(lines) for field, _ in first_members(line))
    votes = Counter(TASKS_OF_FIELDS[field] for field in fields if field in TASKS_OF_FIELDS)
    return votes.most_common(1)[0][0] if votes else None


def _first_lines(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the first lines that are not blank, with their numbers."""
    return islice(
        ((number, line) for number, line in enumerate(lines, start=1) if line.strip()), LINES_LOOKED_AT
    )
