"""Reading and writing of questions as JSONL."""

import json
from typing import Any

import pytest

from core.contracts.qa_examples import AnswerSpan, QaExample
from core.errors import InvalidInput
from core.formats import FileFormat, read_questions, read_questions_with_notes, write_jsonl

GOOD: dict[str, Any] = {
    "id": "sw-1",
    "question": "Kikwete alizaliwa wapi?",
    "context": "Jakaya Kikwete alizaliwa Msoga.",
    "answers": [{"text": "Msoga", "answer_start": 25}],
}


def faults_of(*lines: str) -> list[str]:
    with pytest.raises(InvalidInput) as excinfo:
        read_questions("\n".join(lines).encode(), format="jsonl")
    return [str(fault) for fault in excinfo.value.faults]


def line(**changes: Any) -> str:
    return json.dumps(GOOD | changes, ensure_ascii=False)


def test_question_line_has_the_fields_of_the_api() -> None:
    result = read_questions_with_notes(line().encode())

    assert result.notes.format == FileFormat.JSONL
    assert result.notes.warnings() == ()
    assert result.examples == (
        QaExample(
            id="sw-1",
            question="Kikwete alizaliwa wapi?",
            context="Jakaya Kikwete alizaliwa Msoga.",
            answers=(AnswerSpan(text="Msoga", answer_start=25),),
        ),
    )


def test_question_id_is_optional_and_equal_answers_are_preserved() -> None:
    [example] = read_questions(line(id=None, answers=GOOD["answers"] * 2).encode())

    assert example.id is None
    assert len(example.answers) == 2


def test_question_faults_name_line_and_field() -> None:
    answers = [{"text": "", "answer_start": 0}, {"text": "Msoga", "answer_start": -1}, {"text": "Msoga"}, 7]

    assert faults_of(
        line(),
        "",
        line(id="a\nb", context=" ", answers=answers, title="Kikwete"),
        line(id="sw-2", question=None, answers=[]),
        line(id="sw-3", answers={"text": ["Msoga"], "answer_start": [25]}),
    ) == [
        "line 3: id: must have no line break or control character, found 'a\\nb'",
        "line 3: context: the text is empty",
        "line 3: answers/0/text: is empty",
        "line 3: answers/1/answer_start: Input should be greater than or equal to 0, found -1",
        "line 3: answers/2/answer_start: is missing",
        "line 3: answers/3: a JSON object was expected, found 7",
        "line 3: title: is not a known field",
        "line 4: question: Input should be a valid string, found None",
        "line 4: answers: is empty",
        "line 5: answers: a list was expected, found {'text': ['Msoga'], 'answer_start': [25]}",
    ]


def test_question_line_reports_an_answer_that_is_not_at_its_offset() -> None:
    context = "🎉 Jakaya Kikwete alizaliwa Msoga."
    answers = [{"text": "Msoga", "answer_start": 28}, {"text": "Kikwete", "answer_start": 3}]

    assert faults_of(line(context=context, answers=answers)) == [
        "line 1: answers/0 ('Msoga' at 28) is not there: the context has 'soga.'; the answer first occurs at "
        "27; offsets count Unicode code points; this one counts UTF-16 units",
        "line 1: answers/1 ('Kikwete' at 3) is not there: the context has 'akaya K'; the answer first occurs "
        "at 9",
    ]


def test_question_line_reports_a_repeated_id_with_the_first_line() -> None:
    assert faults_of(line(), line(id=None), "", line(), line(id=None), line()) == [
        "line 4: id: 'sw-1' was already given at line 1",
        "line 6: id: 'sw-1' was already given at line 1",
    ]


def test_write_jsonl_does_not_escape_non_ascii_questions() -> None:
    example = QaExample(
        question="كم؟", context="明天 غدًا कल 🎉", answers=(AnswerSpan(text="कल", answer_start=8),)
    )

    assert write_jsonl([example]).decode() == (
        '{"question":"كم؟","context":"明天 غدًا कल 🎉","answers":[{"text":"कल","answer_start":8}]}\n'
    )
