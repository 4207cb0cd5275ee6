from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.encoders.embedded.artifact import (
    CARD,
    MANIFEST,
    ROWS,
    Student,
    dequantise,
    quantise,
    read_artifact,
    write_artifact,
)
from core.errors import CorruptArtifact


@pytest.fixture
def student() -> Student:
    generator = np.random.default_rng(1)
    return Student(
        numbers=np.array([3, 30522, 30523]),
        rows=generator.normal(size=(3, 8)).astype(np.float32),
        pieces=30524,
        body={"encoder.weight": generator.normal(size=(4, 2, 3)).astype(np.float32)},
        languages=("es", "th"),
    )


@pytest.fixture
def folder(tmp_path: Path, student: Student) -> Path:
    write_artifact(tmp_path, student, tokenizer="{}", card="# What it is")
    return tmp_path


@given(arrays(np.float32, (3, 5), elements=st.floats(-100, 100, width=32)))
def test_quantise_loses_at_most_half_a_step(rows: np.ndarray) -> None:
    levels, steps = quantise(rows)
    assert levels.dtype == np.int8
    largest = np.abs(rows).max(axis=1, keepdims=True)
    assert (np.abs(dequantise(levels, steps) - rows) <= 0.51 * largest / 127 + 1e-30).all()


def test_read_artifact_returns_the_stored_student(folder: Path, student: Student) -> None:
    stored = read_artifact(folder)
    assert (stored.numbers.tolist(), stored.pieces, stored.languages) == (
        [3, 30522, 30523],
        30524,
        ("es", "th"),
    )
    np.testing.assert_allclose(stored.rows, student.rows, atol=0.02)
    np.testing.assert_allclose(stored.body["encoder.weight"], student.body["encoder.weight"], atol=0.02)


@pytest.mark.parametrize("name", [ROWS, CARD])
def test_read_artifact_rejects_a_changed_file(name: str, folder: Path) -> None:
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(CorruptArtifact, match=f"{name} of the embedded encoder"):
        read_artifact(folder)


@pytest.mark.parametrize("name", [ROWS, MANIFEST])
def test_read_artifact_rejects_a_missing_file(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(CorruptArtifact, match="cannot be read"):
        read_artifact(folder)


def test_read_artifact_rejects_another_base(folder: Path) -> None:
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace('"base": "5', '"base": "6'))
    with pytest.raises(CorruptArtifact, match="made for the base 6"):
        read_artifact(folder)
