import codecs

import pytest

from core.errors import InvalidInput
from core.formats.diagnostics import Diagnostics
from core.formats.line_decoding import decode_lines


def test_decode_lines_splits_at_lf_and_crlf_only() -> None:
    data = "uno\r\ndos\u2028tres\x0bcuatro\x85\nfin".encode()

    assert decode_lines(data, Diagnostics()) == ["uno", "dos\u2028tres\x0bcuatro\x85", "fin"]


def test_decode_lines_strips_the_byte_order_mark() -> None:
    assert decode_lines(codecs.BOM_UTF8 + "नमस्ते".encode(), Diagnostics()) == ["नमस्ते"]


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", codecs.BOM_UTF8, codecs.BOM_UTF8 + b" \r\n", "\u3000\n".encode()]
)
def test_decode_lines_rejects_an_empty_file(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="line 1: the file is empty"):
        decode_lines(data, Diagnostics())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_decode_lines_rejects_utf_16(encoding: str) -> None:
    with pytest.raises(InvalidInput, match="UTF-16"):
        decode_lines("\ufeffhola".encode(encoding), Diagnostics())


def test_decode_lines_reports_the_first_invalid_byte_of_each_line() -> None:
    diagnostics = Diagnostics()

    lines = decode_lines(b"bien\nma\xf1ana\nbien\n\xe9l\n", diagnostics)

    assert diagnostics.faults == [
        (2, "not UTF-8: byte 0xf1 at offset 7 of the file (byte 3 of the line)"),
        (4, "not UTF-8: byte 0xe9 at offset 17 of the file (byte 1 of the line)"),
    ]
    assert lines[0] == lines[2] == "bien"


def test_decode_lines_offsets_include_the_byte_order_mark() -> None:
    diagnostics = Diagnostics()

    decode_lines(codecs.BOM_UTF8 + b"\xff", diagnostics)

    assert diagnostics.faults == [(1, "not UTF-8: byte 0xff at offset 3 of the file (byte 1 of the line)")]


def test_decode_lines_reports_a_truncated_character() -> None:
    diagnostics = Diagnostics()

    decode_lines("ไทย".encode()[:-1], diagnostics)

    assert diagnostics.undecodable_lines == {1}
