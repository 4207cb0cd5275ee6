"""Which format a file has: its content decides, its name only helps where the content says nothing."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import PurePath

from core.formats.conll import looks_like_conll
from core.formats.formats import FileFormat
from core.formats.notes import invalid
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


def detect_format(lines: Sequence[str], *, name: str = "") -> FileFormat:
    """Return the format that most of the first lines can have.

    Args:
        lines: The file's lines; at least one is not blank.
        name: The file's name, if it has one.

    Raises:
        InvalidInput: Neither the content nor the name tells.
    """
    written = islice(
        ((number, line) for number, line in enumerate(lines, start=1) if line.strip()), LINES_LOOKED_AT
    )
    looked_at = list(written)
    votes = Counter(vote for _, line in looked_at if (vote := line_format(line)))
    if votes:
        return votes.most_common(1)[0][0]
    number, first = looked_at[0]
    guess = EXTENSIONS.get(PurePath(name).suffix.lower(), FileFormat.MTOD_TSV if "\t" in first else None)
    if guess is None:
        raise invalid([(number, f"this is none of the formats {', '.join(FileFormat)}")])
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
