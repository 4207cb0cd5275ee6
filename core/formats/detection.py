"""Detection of the format and the task of a file by its content, or by its name if that is inconclusive."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePath

from core.contracts.values import MTOD, QA, TaskName
from core.formats.conll import looks_like_conll
from core.formats.diagnostics import invalid_file
from core.formats.file_format import FileFormat
from core.formats.json_documents import first_members
from core.formats.squad import looks_like_squad
from core.formats.tsv import looks_like_tsv

SAMPLE_LINES = 20
"""First lines that are examined: enough that a single broken line does not decide."""

EXTENSIONS = {
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".json": FileFormat.JSONL,
    ".tsv": FileFormat.MTOD_TSV,
    ".conll": FileFormat.CONLL,
    ".conllu": FileFormat.CONLL,
    ".bio": FileFormat.CONLL,
}

FORMAT_TASKS: Mapping[FileFormat, TaskName] = {
    FileFormat.MTOD_TSV: MTOD,
    FileFormat.CONLL: MTOD,
    FileFormat.SQUAD: QA,
}
"""The formats that are specific to a task."""

FIELD_TASKS = {"text": MTOD, "intent": MTOD, "question": QA}
"""The fields that are specific to the examples of a task."""


def detect_format(
    lines: Sequence[str], *, name: str = "", among: Collection[FileFormat] = tuple(FileFormat)
) -> FileFormat:
    """Return the format of a file: that of the document, or the most frequent one of its first lines.

    Args:
        lines: Lines of the file; at least one is not blank.
        name: File name, if known.
        among: Formats that may be inferred from the file name.

    Raises:
        InvalidInput: The format cannot be detected by content or name.
    """
    if looks_like_squad(lines):
        return FileFormat.SQUAD
    sample = list(_first_lines(lines))
    votes = Counter(vote for _, line in sample if (vote := line_format(line)))
    if votes:
        return votes.most_common(1)[0][0]
    number, first = sample[0]
    guess = EXTENSIONS.get(PurePath(name).suffix.lower(), FileFormat.MTOD_TSV if "\t" in first else None)
    if guess is None or guess not in among:
        raise invalid_file([(number, f"this is none of the formats {', '.join(among)}")])
    return guess


def line_format(line: str) -> FileFormat | None:
    """Return the format that a line matches, or None."""
    if looks_like_tsv(line):
        return FileFormat.MTOD_TSV
    if line.lstrip().startswith(("{", "[")):
        return FileFormat.JSONL
    if looks_like_conll(line):
        return FileFormat.CONLL
    return None


def detect_task(lines: Sequence[str], file_format: FileFormat) -> TaskName | None:
    """Return the task of a file, or None if it cannot be detected.

    Args:
        lines: Lines of the file; at least one is not blank.
        file_format: Format of the file.
    """
    if file_format != FileFormat.JSONL:
        return FORMAT_TASKS[file_format]
    if looks_like_squad(lines):
        return QA
    fields = (field for _, line in _first_lines(lines) for field, _ in first_members(line))
    votes = Counter(FIELD_TASKS[field] for field in fields if field in FIELD_TASKS)
    return votes.most_common(1)[0][0] if votes else None


def _first_lines(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the number and text of the first lines that are not blank."""
    return islice(
        ((number, line) for number, line in enumerate(lines, start=1) if line.strip()), SAMPLE_LINES
    )
