"""Reader of JSONL files, for tasks without another format."""

from collections.abc import Callable
from typing import Final

from core.errors import Fault, InvalidInput
from core.formats.diagnostics import Diagnostics, ExampleT, ReadResult, invalid_file
from core.formats.file_format import FileFormat
from core.formats.jsonl import read_example_lines
from core.formats.line_decoding import decode_lines

EMPTY: Final = "the file holds no example"


def jsonl_reader(model: type[ExampleT]) -> Callable[..., ReadResult[ExampleT]]:
    """Return a reader of files that hold one example a line (`core.tasks.spec.FileReader`).

    Args:
        model: The class of the examples.
    """

    def read_file(data: bytes, *, name: str = "", format: str | None = None) -> ReadResult[ExampleT]:
        """Return the examples of a JSONL file.

        Raises:
            InvalidInput: Another format is named, or every fault of the file with its line.
        """
        del name
        if format not in {None, FileFormat.JSONL.value}:
            raise InvalidInput([Fault("/format", f"{format!r} is not jsonl, the only format of this task")])
        diagnostics = Diagnostics()
        lines = decode_lines(data, diagnostics)
        examples = (
            read_example_lines(lines, diagnostics, model) if any(line.strip() for line in lines) else []
        )
        diagnostics.raise_faults()
        if not examples:
            raise invalid_file([(1, EMPTY)])
        return ReadResult(tuple(examples), diagnostics.notes(FileFormat.JSONL))

    return read_file
