"""An audit of the committed questions: what they promise to everyone who trains or tests with them."""

import json
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

import samples
from core.contracts.questions import QaExample
from samples.build_questions import SOURCES, build

FOLDER = Path(samples.__file__).parent / "qa"
LEAST = {"en": (42, 6), "en.held-out": (9, 5)}
"""Paragraphs of a file, and questions of each."""

Files = dict[str, list[QaExample]]


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(FOLDER.iterdir())}


@pytest.fixture(scope="session")
def files(texts: dict[str, str]) -> Files:
    return {name.removesuffix(".json"): _examples(text) for name, text in texts.items()}


def _examples(text: str) -> list[QaExample]:
    return [
        QaExample.model_validate({**qa, "context": paragraph["context"]})
        for article in json.loads(text)["data"]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]


def test_the_committed_files_are_what_the_builder_makes(texts: dict[str, str]) -> None:
    assert build(SOURCES) == texts


def test_every_held_out_file_shares_no_paragraph_and_no_question_with_its_training_file(files: Files) -> None:
    held_out = {name: examples for name, examples in files.items() if name.endswith(".held-out")}
    assert "en.held-out" in held_out
    for name, examples in held_out.items():
        language = name.removesuffix(".held-out")
        (training,) = (other for other in files if other in {language, f"{language}.few-shot"})
        assert not {one.context for one in examples} & {one.context for one in files[training]}
        assert not {one.question.casefold() for one in examples} & {
            one.question.casefold() for one in files[training]
        }


@pytest.mark.parametrize(
    ("name", "paragraphs", "questions"), [(name, *least) for name, least in LEAST.items()]
)
def test_english_has_enough_paragraphs_and_questions(
    files: Files, name: str, paragraphs: int, questions: int
) -> None:
    counts = Counter(example.context for example in files[name])
    assert len(counts) >= paragraphs
    assert min(counts.values()) >= questions
    assert all(40 <= len(context.split()) <= 90 for context in counts)


def test_every_name_is_given_once(files: Files) -> None:
    names = Counter(example.id for examples in files.values() for example in examples)
    assert [name for name, count in names.items() if count > 1] == []


def test_answers_begin_and_end_where_words_do(files: Files) -> None:
    for example in (one for examples in files.values() for one in examples):
        for answer in example.answers:
            before = example.context[max(answer.answer_start - 1, 0) : answer.answer_start]
            after = example.context[answer.end : answer.end + 1]
            assert not any(character.isalnum() for character in before + after), example
            assert answer.text == answer.text.strip(" ,;:.!?¡¿"), example


def test_questions_are_tidy_and_composed(files: Files) -> None:
    for example in (one for examples in files.values() for one in examples):
        for text in (example.question, example.context):
            assert text == " ".join(text.split()) == unicodedata.normalize("NFC", text)
        assert example.question.endswith("?")
