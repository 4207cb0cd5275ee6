"""Reading of the complete published MTOD files; only their counts are copied here."""

from pathlib import Path

import pytest

from core.contracts.examples import MtodExample
from core.formats import (
    FileFormat,
    ReadResult,
    read_examples,
    read_examples_with_notes,
    write_jsonl,
    write_mtod_tsv,
)

FILES = {
    "en/train-en.conllu": 30521,
    "en/eval-en.tsv": 4181,
    "en/test-en.tsv": 8621,
    "es/train-es.tsv": 3617,
    "es/eval-es.tsv": 1983,
    "es/test-es.tsv": 3043,
    "th/train-th.tsv": 2156,
    "th/eval-th.tsv": 1235,
    "th/test-th.tsv": 1692,
}
"""About 2 s are needed; the rest is a margin for a busy machine."""

pytestmark = [pytest.mark.data, pytest.mark.parametrize("name", FILES)]


def read(data_folder: Path, name: str) -> ReadResult[MtodExample]:
    return read_examples_with_notes((data_folder / "mtod" / name).read_bytes())


def test_published_rows_are_all_read(data_folder: Path, name: str) -> None:
    result = read(data_folder, name)

    assert len(result.examples) == FILES[name]
    assert result.notes.format == (FileFormat.CONLL if name.endswith("conllu") else FileFormat.MTOD_TSV)


def test_published_spans_are_trimmed_and_few_rows_conflict(data_folder: Path, name: str) -> None:
    result = read(data_folder, name)

    values = [each.text[span.start : span.end] for each in result.examples for span in each.slots]
    assert all(value and value == value.strip() for value in values)
    assert len(result.notes.token_conflicts) <= 0.05 * len(result.examples)
    assert len(result.notes.trimmed_spans) + len(result.notes.clipped_spans) <= 12
    assert not result.notes.orphan_tags


def test_published_english_values_have_no_possessive(data_folder: Path, name: str) -> None:
    result = read(data_folder, name)

    values = [each.text[span.start : span.end] for each in result.examples for span in each.slots]
    ending = [value for value in values if value.lower().endswith(("'s", "’s"))]
    assert not (name.startswith("en/") and ending)
    assert len(result.notes.possessives) == (509 if name.endswith("conllu") else 0)


def test_published_texts_are_unchanged(data_folder: Path, name: str) -> None:
    published = (data_folder / "mtod" / name).read_text("utf-8").splitlines()
    if name.endswith("conllu"):
        texts = [line.removeprefix("# text: ") for line in published if line.startswith("# text: ")]
    else:
        texts = [line.split("\t")[2] for line in published]

    assert [example.text for example in read(data_folder, name).examples] == texts


def test_published_examples_round_trip_through_both_writers(data_folder: Path, name: str) -> None:
    examples = list(read(data_folder, name).examples)

    assert read_examples(write_jsonl(examples)) == examples
    assert read_examples(write_mtod_tsv(examples, locale="xx_XX")) == examples
