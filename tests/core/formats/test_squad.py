import json

import pytest

from core.contracts.questions import AnswerSpan, QaExample
from core.errors import InvalidInput
from core.formats import FileFormat, read_questions, read_questions_with_notes, write_squad
from tests.core.formats.squad_documents import CONTEXT, answer, faults_of, question, read, squad


def test_every_question_of_every_paragraph_is_read_in_its_order() -> None:
    paragraphs = [
        {"context": CONTEXT, "qas": [question("a"), question("b", answers=[answer("mji mkuu", 11)])]},
        {"context": "ไนโรบีเป็นเมืองหลวง", "qas": [question("c", answers=[answer("ไนโรบี", 0)])]},
    ]
    articles = [
        {"title": "Nairobi", "paragraphs": paragraphs},
        {"paragraphs": [squad(question("d"))["data"][0]["paragraphs"][0]]},
    ]

    examples = read({"version": "1.1", "data": articles})

    assert [example.id for example in examples] == ["a", "b", "c", "d"]
    assert examples[1].question == "Mji mkuu wa Kenya ni upi?"
    assert examples[1].context == CONTEXT
    assert examples[1].answers == (AnswerSpan(text="mji mkuu", answer_start=11),)
    assert examples[2].context == "ไนโรบีเป็นเมืองหลวง"


def test_the_fields_that_published_files_have_beside_these_are_passed_over() -> None:
    document = squad(
        question(
            is_impossible=False,
            answer_category=None,
            plausible_answers=[],
            answers=[answer("Nairobi", 0) | {"answer_id": 1}],
        ),
        document_id=7,
        document_title="x",
    )
    document["data"][0]["url"] = "https://example.org"

    assert len(read(document)) == 1


def test_a_question_may_lack_an_id_and_an_article_a_title() -> None:
    document = squad(question(id=...), question(id=...))
    del document["data"][0]["title"]

    assert [example.id for example in read(document)] == [None, None]


def test_a_paragraph_without_questions_counts_as_nothing() -> None:
    document = squad(question())
    document["data"][0]["paragraphs"].append({"context": "", "qas": []})
    document["data"][0]["paragraphs"].append({"context": CONTEXT})
    document["data"].append({"title": "Mombasa", "paragraphs": []})

    assert len(read(document)) == 1


def test_an_answer_of_several_annotators_is_kept_once_for_each_place() -> None:
    answers = [answer("Nairobi", 34), answer("Nairobi", 0), answer("Nairobi", 34), answer("Kenya", 23)]

    [example] = read(squad(question(answers=answers)))

    assert [(each.text, each.answer_start) for each in example.answers] == [
        ("Nairobi", 34),
        ("Nairobi", 0),
        ("Kenya", 23),
    ]


def test_an_answer_keeps_the_white_space_at_its_edges() -> None:
    [example] = read(squad(question(answers=[answer(" Kenya", 22)])))

    assert example.answers[0].text == " Kenya"


def test_questions_that_say_they_have_no_answer_are_left_out_and_counted() -> None:
    document = squad(
        question("a", is_impossible=True, answers=[], plausible_answers=[answer("Kenya", 23)]),
        question("b"),
        question("c", is_impossible=True, answers=...),
    )

    result = read_questions_with_notes(json.dumps(document).encode())

    assert result.notes.format == FileFormat.SQUAD
    assert [example.id for example in result.examples] == ["b"]
    assert result.notes.unanswered == 2
    assert result.notes.warnings() == (
        "2 question(s) have no answer (SQuAD 2.0's is_impossible) and were left out",
    )


def test_a_file_with_nothing_but_such_questions_says_so() -> None:
    assert faults_of(squad(question(is_impossible=True, answers=[]))) == [
        "line 1: the file holds no example; "
        "1 question(s) have no answer (SQuAD 2.0's is_impossible) and were left out"
    ]


def test_a_document_may_have_many_lines_and_its_data_at_the_end() -> None:
    document = {"version": 2.0, "made": {"by": ["us"]}} | squad(question())

    assert len(read_questions(json.dumps(document, indent=2).encode())) == 1


def test_questions_on_one_context_are_written_into_one_paragraph() -> None:
    examples = read(squad(question("a"), question("b")))
    other = QaExample(question="Wapi?", context="Pale.", answers=(AnswerSpan(text="Pale", answer_start=0),))

    written = json.loads(write_squad([*examples, other, examples[0].model_copy(update={"id": "c"})]))

    [article] = written["data"]
    assert [[each.get("id") for each in paragraph["qas"]] for paragraph in article["paragraphs"]] == [
        ["a", "b"],
        [None],
        ["c"],
    ]
    assert article["paragraphs"][1] == {
        "context": "Pale.",
        "qas": [{"question": "Wapi?", "answers": [{"text": "Pale", "answer_start": 0}]}],
    }


def test_letters_of_every_script_are_written_as_themselves() -> None:
    example = QaExample(question="كم؟", context="明天 🎉", answers=(AnswerSpan(text="🎉", answer_start=3),))

    assert '"context": "明天 🎉"' in write_squad([example]).decode()


def test_questions_that_share_an_id_are_not_written() -> None:
    [example] = read(squad(question("a")))

    with pytest.raises(InvalidInput) as caught:
        write_squad([example, example.model_copy(update={"id": None}), example])

    assert str(caught.value) == "/2/id: id: 'a' was already given at /0"
