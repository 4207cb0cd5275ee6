"""Bytes → lines: UTF-8 with or without a byte order mark, lines that end in LF or CRLF."""

import codecs

from core.formats.notes import Findings, invalid

UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode_lines(data: bytes, findings: Findings) -> list[str]:
    r"""Split a file into lines and tell each that is not UTF-8.

    Only ``\n`` and ``\r\n`` end a line: utterances may hold the other characters that
    ``str.splitlines`` breaks at, such as U+2028.

    Args:
        data: The whole file.
        findings: Receives one fault for each line that cannot be decoded.

    Returns:
        The lines without their endings, at least one of them not blank; undecodable bytes have become U+FFFD.

    Raises:
        InvalidInput: The file is empty, or it is UTF-16.
    """
    if data.startswith(UTF_16_MARKS):
        raise invalid([(1, "the file is UTF-16; save it as UTF-8")])
    body = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        _tell_undecodable(body, offset=len(data) - len(body), findings=findings)
        text = body.decode(errors="replace")
    if not text.strip():
        raise invalid([(1, "the file is empty")])
    return [line.removesuffix("\r") for line in text.split("\n")]


def _tell_undecodable(body: bytes, *, offset: int, findings: Findings) -> None:
    """Add the first bad byte of every line, counted from the start of the file."""
    for number, raw in enumerate(body.split(b"\n"), start=1):
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            findings.fault(
                number,
                f"not UTF-8: byte {raw[error.start]:#04x} at offset {offset + error.start} of the file "
                f"(byte {error.start + 1} of the line)",
            )
            findings.undecodable.add(number)
        offset += len(raw) + 1
