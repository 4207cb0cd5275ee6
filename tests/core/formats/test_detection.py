import pytest

from core.contracts.values import TaskName
from core.errors import InvalidInput
from core.formats.detection import detect_format, detect_task, line_format
from core.formats.file_format import FileFormat
from core.formats.json_documents import CHARACTERS_LOOKED_AT


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"text": "hola", "intent": "greet"}', FileFormat.JSONL),
        ("[", FileFormat.JSONL),
        ("lamp/on\t\tenciende", FileFormat.MTOD_TSV),
        ("{odd}\t0:3:x\tuno", FileFormat.MTOD_TSV),
        ("greet\t\tO", FileFormat.MTOD_TSV),
        ("lamp/on\t0:8:x\tenciende\tes_XX\t{}", FileFormat.MTOD_TSV),
        ("# text: enciende", FileFormat.CONLL),
        ("1\tenciende\tlamp/on\tNoLabel", FileFormat.CONLL),
        ("1\tenciende\tO", FileFormat.CONLL),
        ("enciende B-x", FileFormat.CONLL),
        ("enciende la luz", None),
        ("lamp/on\tenciende", None),
    ],
)
def test_a_line_shows_its_format(line: str, expected: FileFormat | None) -> None:
    assert line_format(line) == expected


@pytest.mark.parametrize(
    "lines",
    [
        ['{"version": "1.1", "data": []}'],
        ["", "{", '  "data"', "  :", "  [", "]}"],
        ['{"meta": {"made": ["a", "]"]}, "note": "{", "data" : [{"paragraphs": []}]}'],
        ['{"data": [{"title": "the file is cut off here'],
        ['{"data: "forgotten",', '"data": [', '"open'],
    ],
)
def test_a_document_with_a_list_of_data_is_squad(lines: list[str]) -> None:
    assert detect_format(lines) == FileFormat.SQUAD


@pytest.mark.parametrize(
    "lines",
    [
        ['{"text": "data", "intent": "a", "slots": []}', '{"data": []}'],
        ['{"question": "?", "context": "the \\"data\\": [", "answers": [{"data": []}]}'],
        ['{"data": {"paragraphs": []}}'],
        ['[{"data": []}]'],
        ["}", '{"data": []}'],
        ["{" + '"a": "' + "x" * CHARACTERS_LOOKED_AT + '", "data": []}'],
    ],
)
def test_other_objects_are_no_squad(lines: list[str]) -> None:
    assert detect_format(lines) == FileFormat.JSONL


def test_a_look_at_quotes_that_never_end_takes_no_time() -> None:
    assert detect_format(["{" + '\\"' * CHARACTERS_LOOKED_AT]) == FileFormat.JSONL


@pytest.mark.parametrize(
    ("lines", "file_format", "expected"),
    [
        (["lamp/on\t\tenciende"], FileFormat.MTOD_TSV, TaskName.MTOD),
        (["enciende O"], FileFormat.CONLL, TaskName.MTOD),
        (['{"data": []}'], FileFormat.SQUAD, TaskName.QA),
        (['{"data": []}'], FileFormat.JSONL, TaskName.QA),
        (['{"intent": "a", "tokens": ["question"]}'], FileFormat.JSONL, TaskName.MTOD),
        (['{"answers": [{"text": "a"}], "question": "?"}'], FileFormat.JSONL, TaskName.QA),
        (['{"question', *['{"text": "hola", "intent": "greet"}'] * 2], FileFormat.JSONL, TaskName.MTOD),
        (['{"utterance": "hola"}'], FileFormat.JSONL, None),
    ],
)
def test_a_file_shows_its_task(lines: list[str], file_format: FileFormat, expected: TaskName | None) -> None:
    assert detect_task(lines, file_format) == expected


def test_the_content_wins_over_the_name() -> None:
    assert detect_format(["lamp/on\t\tenciende"], name="export.jsonl") == FileFormat.MTOD_TSV


def test_a_broken_first_line_does_not_decide() -> None:
    lines = ["1\tuno\tO", *['{"text": "hola", "intent": "greet"}'] * 3]

    assert detect_format(lines) == FileFormat.JSONL


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.JSONL", FileFormat.JSONL), ("dir/a.tsv", FileFormat.MTOD_TSV), ("a.conllu", FileFormat.CONLL)],
)
def test_the_name_decides_where_the_content_does_not(name: str, expected: FileFormat) -> None:
    assert detect_format(["", "enciende la luz"], name=name) == expected


def test_a_table_with_missing_columns_is_still_a_table() -> None:
    assert detect_format(["lamp/on\tenciende"]) == FileFormat.MTOD_TSV


def test_a_format_is_guessed_only_among_those_that_are_read() -> None:
    with pytest.raises(InvalidInput, match="line 1: this is none of the formats jsonl, squad"):
        detect_format(["lamp/on\tenciende"], name="a.tsv", among=[FileFormat.JSONL, FileFormat.SQUAD])


@pytest.mark.parametrize("name", ["", "a.txt"])
def test_a_file_of_no_known_format_is_told(name: str) -> None:
    with pytest.raises(InvalidInput, match="line 2: this is none of the formats jsonl, mtod-tsv, conll"):
        detect_format(["", "enciende la luz"], name=name)
