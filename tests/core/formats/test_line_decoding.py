import codecs

import pytest

from core.errors import InvalidInput
from core.formats.line_decoding import decode_lines
from core.formats.notes import Findings


def test_lines_end_in_lf_or_crlf_and_nowhere_else() -> None:
    data = "uno\r\ndos\u2028tres\x0bcuatro\x85\nfin".encode()

    assert decode_lines(data, Findings()) == ["uno", "dos\u2028tres\x0bcuatro\x85", "fin"]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert decode_lines(codecs.BOM_UTF8 + "नमस्ते".encode(), Findings()) == ["नमस्ते"]


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", codecs.BOM_UTF8, codecs.BOM_UTF8 + b" \r\n", "\u3000\n".encode()]
)
def test_an_empty_file_is_a_fault(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="line 1: the file is empty"):
        decode_lines(data, Findings())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(encoding: str) -> None:
    with pytest.raises(InvalidInput, match="UTF-16"):
        decode_lines("\ufeffhola".encode(encoding), Findings())


def test_every_line_that_is_not_utf_8_is_told_with_its_byte() -> None:
    findings = Findings()

    lines = decode_lines(b"bien\nma\xf1ana\nbien\n\xe9l\n", findings)

    assert findings.faults == [
        (2, "not UTF-8: byte 0xf1 at offset 7 of the file (byte 3 of the line)"),
        (4, "not UTF-8: byte 0xe9 at offset 17 of the file (byte 1 of the line)"),
    ]
    assert lines[0] == lines[2] == "bien"


def test_the_offset_of_a_bad_byte_counts_the_byte_order_mark() -> None:
    findings = Findings()

    decode_lines(codecs.BOM_UTF8 + b"\xff", findings)

    assert findings.faults == [(1, "not UTF-8: byte 0xff at offset 3 of the file (byte 1 of the line)")]


def test_a_character_cut_short_by_the_end_of_the_file_is_told() -> None:
    findings = Findings()

    decode_lines("ไทย".encode()[:-1], findings)

    assert findings.undecodable == {1}
