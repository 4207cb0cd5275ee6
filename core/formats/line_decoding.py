"""Decoding of files into lines: UTF-8 with or without a byte order mark, LF or CRLF line endings."""

import codecs

from core.formats.diagnostics import Diagnostics, invalid_file

UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode_lines(data: bytes, diagnostics: Diagnostics) -> list[str]:
    r"""Split a file into lines and report those that are not UTF-8.

    Only ``\n`` and ``\r\n`` end a line: utterances may contain the other characters that
    ``str.splitlines`` splits at, such as U+2028.

    Args:
        data: Content of the file.
        diagnostics: Receives one fault for each line that cannot be decoded.

    Returns:
        The lines without their endings, at least one of them not blank. Undecodable bytes are replaced by
        U+FFFD.

    Raises:
        InvalidInput: The file is empty or UTF-16.
    """
    if data.startswith(UTF_16_MARKS):
        raise invalid_file([(1, "the file is UTF-16; save it as UTF-8")])
    body = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        _report_undecodable_lines(body, offset=len(data) - len(body), diagnostics=diagnostics)
        text = body.decode(errors="replace")
    if not text.strip():
        raise invalid_file([(1, "the file is empty")])
    return [line.removesuffix("\r") for line in text.split("\n")]


def _report_undecodable_lines(body: bytes, *, offset: int, diagnostics: Diagnostics) -> None:
    """Report the first invalid byte of each line, with its offset in the file."""
    for number, raw in enumerate(body.split(b"\n"), start=1):
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            diagnostics.add_fault(
                number,
                f"not UTF-8: byte {raw[error.start]:#04x} at offset {offset + error.start} of the file "
                f"(byte {error.start + 1} of the line)",
            )
            diagnostics.undecodable_lines.add(number)
        offset += len(raw) + 1
