import pytest

from core.contracts.values import MTOD, QA, TaskName
from core.errors import InvalidInput
from core.formats.detection import detect_format, detect_task, line_format
from core.formats.file_format import FileFormat
from core.formats.json_documents import HEAD_CHARACTERS


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
def test_line_format_detects_each_format(line: str, expected: FileFormat | None) -> None:
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
def test_looks_like_squad_accepts_an_object_with_a_data_list(lines: list[str]) -> None:
    assert detect_format(lines) == FileFormat.SQUAD


@pytest.mark.parametrize(
    "lines",
    [
        ['{"text": "data", "intent": "a", "slots": []}', '{"data": []}'],
        ['{"question": "?", "context": "the \\"data\\": [", "answers": [{"data": []}]}'],
        ['{"data": {"paragraphs": []}}'],
        ['[{"data": []}]'],
        ["}", '{"data": []}'],
        ["{" + '"a": "' + "x" * HEAD_CHARACTERS + '", "data": []}'],
    ],
)
def test_looks_like_squad_rejects_other_objects(lines: list[str]) -> None:
    assert detect_format(lines) == FileFormat.JSONL


def test_looks_like_squad_is_fast_on_unterminated_quotes() -> None:
    assert detect_format(["{" + '\\"' * HEAD_CHARACTERS]) == FileFormat.JSONL


@pytest.mark.parametrize(
    ("lines", "file_format", "expected"),
    [
        (["lamp/on\t\tenciende"], FileFormat.MTOD_TSV, MTOD),
        (["enciende O"], FileFormat.CONLL, MTOD),
        (['{"data": []}'], FileFormat.SQUAD, QA),
        (['{"data": []}'], FileFormat.JSONL, QA),
        (['{"intent": "a", "tokens": ["question"]}'], FileFormat.JSONL, MTOD),
        (['{"answers": [{"text": "a"}], "question": "?"}'], FileFormat.JSONL, QA),
        (['{"question', *['{"text": "hola", "intent": "greet"}'] * 2], FileFormat.JSONL, MTOD),
        (['{"utterance": "hola"}'], FileFormat.JSONL, None),
    ],
)
def test_detect_task_returns_the_task_of_the_content(
    lines: list[str], file_format: FileFormat, expected: TaskName | None
) -> None:
    assert detect_task(lines, file_format) == expected


def test_detect_format_prefers_the_content_to_the_name() -> None:
    assert detect_format(["lamp/on\t\tenciende"], name="export.jsonl") == FileFormat.MTOD_TSV


def test_detect_format_tolerates_a_broken_first_line() -> None:
    lines = ["1\tuno\tO", *['{"text": "hola", "intent": "greet"}'] * 3]

    assert detect_format(lines) == FileFormat.JSONL


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.JSONL", FileFormat.JSONL), ("dir/a.tsv", FileFormat.MTOD_TSV), ("a.conllu", FileFormat.CONLL)],
)
def test_detect_format_uses_the_name_when_the_content_is_inconclusive(
    name: str, expected: FileFormat
) -> None:
    assert detect_format(["", "enciende la luz"], name=name) == expected


def test_detect_format_recognises_a_table_with_missing_columns() -> None:
    assert detect_format(["lamp/on\tenciende"]) == FileFormat.MTOD_TSV


def test_detect_format_infers_only_allowed_formats_from_the_name() -> None:
    with pytest.raises(InvalidInput, match="line 1: this is none of the formats jsonl, squad"):
        detect_format(["lamp/on\tenciende"], name="a.tsv", among=[FileFormat.JSONL, FileFormat.SQUAD])


@pytest.mark.parametrize("name", ["", "a.txt"])
def test_detect_format_rejects_an_unknown_format(name: str) -> None:
    with pytest.raises(InvalidInput, match="line 2: this is none of the formats jsonl, mtod-tsv, conll"):
        detect_format(["", "enciende la luz"], name=name)
