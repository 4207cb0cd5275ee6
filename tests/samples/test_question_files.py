"""Quality checks of the committed questions."""

import itertools
import json
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

import samples
from core.contracts.qa_examples import QaExample
from samples.build_questions import SOURCES, build

FOLDER = Path(samples.__file__).parent / "qa"
MINIMUM = {"en": (42, 6), "en.held-out": (9, 5)}
"""Minimum number of paragraphs of a file, and of questions of each paragraph."""

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


def test_build_reproduces_the_committed_files(texts: dict[str, str]) -> None:
    assert build(SOURCES) == texts


def test_held_out_files_share_nothing_with_training_files(files: Files) -> None:
    held_out = {name: examples for name, examples in files.items() if name.endswith(".held-out")}
    assert "en.held-out" in held_out
    for name, examples in held_out.items():
        language = name.removesuffix(".held-out")
        (training,) = (other for other in files if other in {language, f"{language}.few-shot"})
        training_examples = files[training]
        assert not {example.context for example in examples} & {
            example.context for example in training_examples
        }
        questions = {example.question.casefold() for example in examples}
        assert not questions & {example.question.casefold() for example in training_examples}


@pytest.mark.parametrize(
    ("name", "paragraphs", "questions"), [(name, *minimum) for name, minimum in MINIMUM.items()]
)
def test_english_files_have_enough_paragraphs_and_questions(
    files: Files, name: str, paragraphs: int, questions: int
) -> None:
    counts = Counter(example.context for example in files[name])
    assert len(counts) >= paragraphs
    assert min(counts.values()) >= questions
    assert all(40 <= len(context.split()) <= 90 for context in counts)


def test_question_ids_are_unique(files: Files) -> None:
    names = Counter(example.id for examples in files.values() for example in examples)
    assert [name for name, count in names.items() if count > 1] == []


def test_answers_cover_whole_words(files: Files) -> None:
    for example in itertools.chain.from_iterable(files.values()):
        for answer in example.answers:
            before = example.context[max(answer.answer_start - 1, 0) : answer.answer_start]
            after = example.context[answer.end : answer.end + 1]
            assert not any(character.isalnum() for character in before + after), example
            assert answer.text == answer.text.strip(" ,;:.!?¡¿"), example


def test_questions_are_normalised(files: Files) -> None:
    for example in itertools.chain.from_iterable(files.values()):
        for text in (example.question, example.context):
            assert text == " ".join(text.split()) == unicodedata.normalize("NFC", text)
        assert example.question.endswith("?")
