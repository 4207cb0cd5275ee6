import codecs
import subprocess
import sys

import pytest

from core.errors import InvalidInput
from core.formats import (
    read_examples,
    read_examples_with_notes,
    read_questions,
    read_questions_with_notes,
)

SAME_EXAMPLE = {
    "jsonl": '{"text": "apaga luz", "intent": "off", "slots": [{"slot": "what", "start": 6, "end": 9}]}\n',
    "mtod-tsv": "off\t6:9:what\tapaga luz\tes_XX\n",
    "conll": "1\tapaga\toff\tO\n2\tluz\toff\tB-what\n",
}

SAME_QUESTION = {
    "jsonl": '{"question": "¿Dónde?", "context": "En Lima.", '
    '"answers": [{"text": "Lima", "answer_start": 3}]}\n',
    "squad": (
        '{"data": [{"paragraphs": [{"context": "En Lima.", "qas": [{"question": "¿Dónde?", '
        '"answers": [{"text": "Lima", "answer_start": 3}]}]}]}]}\n'
    ),
}


@pytest.mark.parametrize("name", SAME_EXAMPLE)
def test_read_examples_returns_equal_examples_from_every_format(name: str) -> None:
    examples = read_examples(SAME_EXAMPLE[name].encode(), format=name)
    detected = read_examples_with_notes(SAME_EXAMPLE[name].encode())

    assert detected.notes.format == name
    assert examples == list(detected.examples) == read_examples(SAME_EXAMPLE["jsonl"].encode())


@pytest.mark.parametrize("name", SAME_QUESTION)
def test_read_questions_returns_equal_examples_from_every_format(name: str) -> None:
    examples = read_questions(SAME_QUESTION[name].encode(), format=name)
    detected = read_questions_with_notes(SAME_QUESTION[name].encode())

    assert detected.notes.format == name
    assert examples == list(detected.examples) == read_questions(SAME_QUESTION["jsonl"].encode())


@pytest.mark.parametrize("name", SAME_EXAMPLE)
def test_read_examples_accepts_byte_order_mark_and_crlf(name: str) -> None:
    plain = SAME_EXAMPLE[name].encode()

    assert read_examples(codecs.BOM_UTF8 + plain.replace(b"\n", b"\r\n")) == read_examples(plain)


@pytest.mark.parametrize("name", SAME_QUESTION)
def test_read_questions_accepts_byte_order_mark_and_crlf(name: str) -> None:
    plain = SAME_QUESTION[name].encode()

    assert read_questions(codecs.BOM_UTF8 + plain.replace(b"\n", b"\r\n")) == read_questions(plain)


@pytest.mark.parametrize("name", ["csv", "squad", ""])
def test_read_examples_rejects_an_unsupported_format(name: str) -> None:
    with pytest.raises(InvalidInput) as excinfo:
        read_examples(b"a", format=name)

    message = f"/format: '{name}' is none of the formats jsonl, mtod-tsv, conll of the task mtod"
    assert str(excinfo.value) == message


@pytest.mark.parametrize("name", ["csv", "conll", ""])
def test_read_questions_rejects_an_unsupported_format(name: str) -> None:
    with pytest.raises(InvalidInput) as excinfo:
        read_questions(b"a", format=name)

    assert str(excinfo.value) == f"/format: '{name}' is none of the formats jsonl, squad of the task qa"


@pytest.mark.parametrize("file_format", [None, *SAME_EXAMPLE])
def test_read_examples_rejects_an_empty_file(file_format: str | None) -> None:
    with pytest.raises(InvalidInput, match="line 1: the file is empty"):
        read_examples(b"\xef\xbb\xbf\r\n", format=file_format)


@pytest.mark.parametrize("file_format", [None, *SAME_QUESTION])
def test_read_questions_rejects_an_empty_file(file_format: str | None) -> None:
    with pytest.raises(InvalidInput, match="line 1: the file is empty"):
        read_questions(b"\xef\xbb\xbf\r\n", format=file_format)


@pytest.mark.parametrize("file_format", [None, "jsonl"])
@pytest.mark.parametrize("name", SAME_QUESTION)
def test_read_examples_rejects_question_answering_data(name: str, file_format: str | None) -> None:
    with pytest.raises(InvalidInput) as excinfo:
        read_examples(SAME_QUESTION[name].encode(), format=file_format)

    title = "SQuAD JSON" if (name, file_format) == ("squad", None) else "JSONL"
    assert str(excinfo.value) == f"line 1: this is question-answering data ({title}); the task is mtod"


@pytest.mark.parametrize(
    ("name", "title"), [("jsonl", "JSONL"), ("mtod-tsv", "MTOD TSV"), ("conll", "CoNLL")]
)
def test_read_questions_rejects_labelled_utterances(name: str, title: str) -> None:
    with pytest.raises(InvalidInput) as excinfo:
        read_questions(SAME_EXAMPLE[name].encode())

    assert str(excinfo.value) == f"line 1: these are labelled utterances ({title}); the task is qa"


def test_read_examples_reports_at_most_100_faults() -> None:
    with pytest.raises(InvalidInput) as excinfo:
        read_examples(b"greet\t0:9:x\thola\n" * 250)

    assert len(excinfo.value.faults) == 101
    assert str(excinfo.value.faults[-1]) == "line 101: from here on 150 more faults"


def test_formats_do_not_import_torch() -> None:
    program = "import sys, core.formats; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
