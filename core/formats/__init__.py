"""Readers and writers of dataset files: validated `MtodExample` and `QaExample` objects from and to bytes.

Readers report all faults of a file, not only the first, and never change a text. Irregularities that they
resolve (a span with white space at its edge, tokens that contradict character offsets) are in `ReadNotes`.
"""

from core.formats.diagnostics import ReadNotes, ReadResult
from core.formats.file_format import FileFormat
from core.formats.jsonl import write_jsonl
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
