"""The way in: the bytes of a file → examples."""

from collections.abc import Callable, Mapping, Sequence

from core.contracts.examples import MtodExample
from core.errors import Fault, InvalidInput
from core.formats.conll import read_conll
from core.formats.decoding import decode_lines
from core.formats.detection import detect_format
from core.formats.formats import FileFormat
from core.formats.jsonl import read_jsonl
from core.formats.notes import Findings, ReadResult, invalid
from core.formats.tsv import read_tsv

Reader = Callable[[Sequence[str], Findings], list[MtodExample]]

READERS: Mapping[FileFormat, Reader] = {
    FileFormat.JSONL: read_jsonl,
    FileFormat.MTOD_TSV: read_tsv,
    FileFormat.CONLL: read_conll,
}


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


def read_examples_with_notes(data: bytes, *, name: str = "", format: str | None = None) -> ReadResult:
    """Read labelled utterances, and tell what had to be settled; see `read_examples`."""
    chosen = _chosen(format)
    findings = Findings()
    lines = decode_lines(data, findings)
    file_format = chosen or detect_format(lines, name=name)
    examples = READERS[file_format](lines, findings)
    findings.raise_faults()
    if not examples:
        raise invalid([(1, "the file holds no example")])
    return ReadResult(tuple(examples), findings.notes(file_format))


def _chosen(name: str | None) -> FileFormat | None:
    """Return the format of a name.

    Raises:
        InvalidInput: There is no format of that name.
    """
    if name is None:
        return None
    try:
        return FileFormat(name)
    except ValueError:
        detail = f"{name!r} is none of the formats {', '.join(FileFormat)}"
        raise InvalidInput([Fault("/format", detail)]) from None
