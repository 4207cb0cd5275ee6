"""Public file formats ↔ ``MtodExample`` and ``QaExample``: bytes in, checked examples out, and back.

A reader never stops at the first fault and never changes a text. What it had to settle on its own
(a span with white space at its edge, tokens that contradict the characters) it counts in `ReadNotes`.
"""

from core.formats.file_format import FileFormat
from core.formats.jsonl import write_jsonl
from core.formats.notes import ReadNotes, ReadResult
from core.formats.reading import (
    read_examples,
    read_examples_with_notes,
    read_questions,
    read_questions_with_notes,
)
from core.formats.squad import write_squad
from core.formats.tsv import write_mtod_tsv

__all__ = [
    "FileFormat",
    "ReadNotes",
    "ReadResult",
    "read_examples",
    "read_examples_with_notes",
    "read_questions",
    "read_questions_with_notes",
    "write_jsonl",
    "write_mtod_tsv",
    "write_squad",
]
