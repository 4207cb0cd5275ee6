import codecs
import subprocess
import sys

import pytest

from core.errors import InvalidInput
from core.formats import FileFormat, read_examples, read_examples_with_notes

SAME_EXAMPLE = {
    "jsonl": '{"text": "apaga luz", "intent": "off", "slots": [{"slot": "what", "start": 6, "end": 9}]}\n',
    "mtod-tsv": "off\t6:9:what\tapaga luz\tes_XX\n",
    "conll": "1\tapaga\toff\tO\n2\tluz\toff\tB-what\n",
}


@pytest.mark.parametrize("name", SAME_EXAMPLE)
def test_the_same_example_is_read_from_every_format(name: str) -> None:
    told = read_examples(SAME_EXAMPLE[name].encode(), format=name)
    detected = read_examples_with_notes(SAME_EXAMPLE[name].encode())

    assert detected.notes.format == name
    assert told == list(detected.examples) == read_examples(SAME_EXAMPLE["jsonl"].encode())


@pytest.mark.parametrize("name", SAME_EXAMPLE)
def test_a_byte_order_mark_and_crlf_change_nothing(name: str) -> None:
    plain = SAME_EXAMPLE[name].encode()

    assert read_examples(codecs.BOM_UTF8 + plain.replace(b"\n", b"\r\n")) == read_examples(plain)


def test_a_format_of_no_known_name_is_told() -> None:
    with pytest.raises(InvalidInput, match="/format: 'csv' is none of the formats jsonl, mtod-tsv, conll"):
        read_examples(b"a", format="csv")


@pytest.mark.parametrize("file_format", [None, *FileFormat])
def test_an_empty_file_is_a_fault_in_every_format(file_format: str | None) -> None:
    with pytest.raises(InvalidInput, match="line 1: the file is empty"):
        read_examples(b"\xef\xbb\xbf\r\n", format=file_format)


def test_a_hundred_faults_are_told_and_the_rest_counted() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_examples(b"greet\t0:9:x\thola\n" * 250)

    assert len(caught.value.faults) == 101
    assert str(caught.value.faults[-1]) == "line 101: from here on 150 more faults"


def test_reading_needs_no_torch() -> None:
    program = "import sys, core.formats; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
