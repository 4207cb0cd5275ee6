import json
from typing import Any

import pytest

from core.errors import InvalidInput
from core.formats import read_questions
from core.formats.diagnostics import MAX_FAULTS
from tests.core.formats.squad_documents import CONTEXT, answer, faults_of, question, squad


def test_squad_fault_names_article_paragraph_and_question() -> None:
    document = squad(question("sw-17", question=" "))
    document["data"][0]["paragraphs"][:0] = [{"context": CONTEXT, "qas": []}] * 2

    assert faults_of(document) == [
        "/data/0/paragraphs/2/qas/0/question: article 'Nairobi', paragraph 3, question sw-17: "
        "question: the text is empty"
    ]


def test_squad_fault_uses_numbers_without_title_and_id() -> None:
    document = squad(question(id=..., question=" "), question(id="", question=" "))
    document["data"][0]["title"] = None

    first, second = faults_of(document)

    assert first.startswith("/data/0/paragraphs/0/qas/0/question: article 1, paragraph 1, question 1: ")
    assert second.startswith("/data/0/paragraphs/0/qas/1/question: article 1, paragraph 1, question 2: ")


@pytest.mark.parametrize(
    ("context", "invalid_fields", "detail"),
    [
        (
            CONTEXT,
            answer("Kenya", 24),
            "('Kenya' at 24) is not there: the context has 'enya.'; the answer first occurs at 23",
        ),
        (CONTEXT, answer("Mombasa", 0), "('Mombasa' at 0) is not there: the context has 'Nairobi'"),
        (
            CONTEXT,
            answer("mjini.", 51),
            "('mjini.' at 51) ends outside the context, which has 56 characters; "
            "the answer first occurs at 50",
        ),
        (
            "🎉🎉 Nairobi",
            answer("Nairobi", 5),
            "('Nairobi' at 5) ends outside the context, which has 10 characters; "
            "the answer first occurs at 3; offsets count Unicode code points; this one counts UTF-16 units",
        ),
        (
            "กรุงไนโรบี เมืองหลวงของประเทศเคนยา",
            answer("ไนโรบี", 12),
            "('ไนโรบี' at 12) is not there: the context has 'มืองหล'; the answer first occurs at 4; "
            "offsets count Unicode code points; this one counts UTF-8 bytes",
        ),
        (CONTEXT, answer(" ", 7), "(' ' at 7) covers only white space"),
    ],
)
def test_squad_reports_an_answer_that_is_not_at_its_offset(
    context: str, invalid_fields: dict[str, Any], detail: str
) -> None:
    right = answer(context[:4], 0)

    assert faults_of(squad(question(answers=[right, invalid_fields]), context=context)) == [
        "/data/0/paragraphs/0/qas/0/answers/1: article 'Nairobi', paragraph 1, question sw-1: "
        f"answers/1 {detail}"
    ]


@pytest.mark.parametrize(
    ("invalid_fields", "field", "detail"),
    [
        ({"answers": []}, "answers", "is empty"),
        ({"answers": ...}, "answers", "is missing"),
        ({"answers": None}, "answers", "a list was expected, found None"),
        (
            {"answers": answer("Kenya", 23)},
            "answers",
            "a list was expected, found {'text': 'Kenya', 'answer_start': 23}",
        ),
        ({"answers": ["Kenya"]}, "answers/0", "a JSON object was expected, found 'Kenya'"),
        ({"answers": [{"text": "Kenya"}]}, "answers/0/answer_start", "is missing"),
        ({"answers": [{"answer_start": 23}]}, "answers/0/text", "is missing"),
        ({"answers": [answer("", 23)]}, "answers/0/text", "is empty"),
        (
            {"answers": [answer("Kenya", -1)]},
            "answers/0/answer_start",
            "Input should be greater than or equal to 0, found -1",
        ),
        (
            {"answers": [{"text": "Kenya", "answer_start": "23"}]},
            "answers/0/answer_start",
            "Input should be a valid integer, found '23'",
        ),
        (
            {"answers": [{"text": "Kenya", "answer_start": 23.0}]},
            "answers/0/answer_start",
            "Input should be a valid integer, found 23.0",
        ),
        (
            {"answers": [{"text": "Kenya", "answer_start": True}]},
            "answers/0/answer_start",
            "Input should be a valid integer, found True",
        ),
        ({"question": ...}, "question", "is missing"),
        ({"question": 5}, "question", "Input should be a valid string, found 5"),
        ({"is_impossible": True}, "is_impossible", "is true, but the question has answers"),
        ({"is_impossible": "no"}, "is_impossible", "true or false was expected, found 'no'"),
    ],
)
def test_squad_faults_name_their_field(invalid_fields: dict[str, Any], field: str, detail: str) -> None:
    assert faults_of(squad(question(**invalid_fields))) == [
        f"/data/0/paragraphs/0/qas/0/{field}: "
        f"article 'Nairobi', paragraph 1, question sw-1: {field}: {detail}"
    ]


def test_squad_reports_an_id_that_is_not_a_string() -> None:
    assert faults_of(squad(question(id=17))) == [
        "/data/0/paragraphs/0/qas/0/id: article 'Nairobi', paragraph 1, question 1: "
        "id: Input should be a valid string, found 17"
    ]


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"context": ""}, "the text is empty"),
        ({"context": None}, "Input should be a valid string, found None"),
        ({"context": "a\0b"}, "character 1 is NUL (U+0000)"),
    ],
)
def test_squad_reports_a_fault_of_the_context_once(changes: dict[str, Any], detail: str) -> None:
    assert faults_of(squad(question("a"), question("b"), **changes)) == [
        f"/data/0/paragraphs/0/context: article 'Nairobi', paragraph 1: context: {detail}"
    ]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"data": []}, ["/data: data: is empty"]),
        ({"version": "1.1"}, ["/data: data: is missing"]),
        ({"data": {}}, ["/data: data: a list was expected, found {}"]),
        ({"data": [3]}, ["/data/0: data/0: a JSON object was expected, found 3"]),
        ({"data": [{"title": "A"}]}, ["/data/0/paragraphs: article 'A': paragraphs: is missing"]),
        (
            {"data": [{"title": "A", "paragraphs": [{"qas": 1}, None]}]},
            [
                "/data/0/paragraphs/0/qas: article 'A', paragraph 1: qas: a list was expected, found 1",
                "/data/0/paragraphs/1: article 'A': paragraphs/1: a JSON object was expected, found None",
            ],
        ),
        (
            {"data": [{"title": "A", "paragraphs": [{"qas": [question(), "?"]}]}]},
            [
                "/data/0/paragraphs/0/context: article 'A', paragraph 1: context: is missing",
                "/data/0/paragraphs/0/qas/1: article 'A', paragraph 1: "
                "qas/1: a JSON object was expected, found '?'",
            ],
        ),
        ([], ["line 1: expected one JSON object with a list 'data', found []"]),
        (None, ["line 1: expected one JSON object with a list 'data', found None"]),
        (squad(), ["line 1: the file holds no example"]),
    ],
)
def test_squad_reports_a_document_with_another_structure(document: object, expected: list[str]) -> None:
    assert faults_of(document) == expected


def test_squad_reports_a_repeated_id_with_the_first_location() -> None:
    document = squad(question("a", is_impossible=True, answers=[]), question("b"), question("a"))

    assert faults_of(document) == [
        "/data/0/paragraphs/0/qas/2/id: article 'Nairobi', paragraph 1, question a: "
        "id: 'a' was already given at /data/0/paragraphs/0/qas/0"
    ]


def test_squad_reports_at_most_100_faults_in_document_order() -> None:
    faults = faults_of(squad(*[question(f"sw-{number}", answers=[]) for number in range(MAX_FAULTS + 11)]))

    assert len(faults) == MAX_FAULTS + 1
    assert faults[2].startswith("/data/0/paragraphs/0/qas/2/answers: ")
    assert faults[-1] == "/data/0/paragraphs/0/qas/100/answers: from here on 11 more faults"


def test_squad_reports_only_decoding_faults_when_not_utf_8() -> None:
    data = json.dumps(squad(question(question="¿Dónde?", answers=[])), ensure_ascii=False).encode("latin-1")

    with pytest.raises(InvalidInput) as excinfo:
        read_questions(data)

    [fault] = excinfo.value.faults
    assert str(fault).startswith("line 1: not UTF-8: byte 0xbf at offset ")


@pytest.mark.parametrize("file_format", [None, "squad"])
def test_squad_rejects_utf_16(file_format: str | None) -> None:
    with pytest.raises(InvalidInput, match="line 1: the file is UTF-16; save it as UTF-8"):
        read_questions(json.dumps(squad(question())).encode("utf-16"), format=file_format)


def test_squad_reports_syntax_errors_with_line_and_column() -> None:
    data = json.dumps(squad(question()), indent=1).replace('"qas": [', '"qas": [,').encode()

    with pytest.raises(InvalidInput, match=r"^line 8: not JSON: expected value at column 14$"):
        read_questions(data)
