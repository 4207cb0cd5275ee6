"""Reading of the complete published TyDiQA-GoldP files; only their counts are copied here."""

import json
from pathlib import Path

import pytest

from core.contracts.qa_examples import QaExample
from core.formats import (
    FileFormat,
    ReadResult,
    read_questions,
    read_questions_with_notes,
    write_jsonl,
    write_squad,
)

FILES = {
    "train/en.json": 3696,
    "train/ko.json": 1625,
    "train/sw.json": 2755,
    "dev/en.json": 440,
    "dev/fi.json": 782,
    "dev/id.json": 565,
    "dev/ko.json": 276,
    "dev/ru.json": 812,
    "dev/sw.json": 499,
}

pytestmark = [pytest.mark.data, pytest.mark.parametrize("name", FILES)]


def read(data_folder: Path, name: str) -> ReadResult[QaExample]:
    return read_questions_with_notes((data_folder / "tydiqa-goldp" / name).read_bytes(), name=name)


def test_published_questions_are_all_read(data_folder: Path, name: str) -> None:
    result = read(data_folder, name)

    assert len(result.examples) == FILES[name]
    assert result.notes.format == FileFormat.SQUAD
    assert result.notes.warnings() == ()


def test_published_questions_contexts_and_first_answers_are_unchanged(data_folder: Path, name: str) -> None:
    document = json.loads((data_folder / "tydiqa-goldp" / name).read_text("utf-8"))
    published = [
        (each["id"], each["question"], paragraph["context"], each["answers"][0])
        for article in document["data"]
        for paragraph in article["paragraphs"]
        for each in paragraph["qas"]
    ]

    fields = [
        (each.id, each.question, each.context, each.answers[0].model_dump())
        for each in read(data_folder, name).examples
    ]
    assert fields == published


def test_published_questions_round_trip_through_both_writers(data_folder: Path, name: str) -> None:
    examples = list(read(data_folder, name).examples)

    assert read_questions(write_squad(examples)) == examples
    assert read_questions(write_jsonl(examples)) == examples
