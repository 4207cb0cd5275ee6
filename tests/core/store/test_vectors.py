"""Cache of sentence vectors."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save

from core.errors import InvalidInput, NotFound
from core.store import Store
from tests.core.store.builders import UNSAFE_NAMES

DATASET, ENCODER = "d" * 64, "e" * 64
TEXTS = ["¿dónde? aquí aquí", "¿cuándo? hoy\u2028 hoy", "ที่ไหน ที่นี่ ที่นี่"]
KEY = f"vectors/{DATASET}/{ENCODER}.safetensors"


class FakeEncoder:
    """Encoder that records the texts of its calls."""

    def __init__(self, scale: float = 1.0) -> None:
        self.calls: list[list[str]] = []
        self._scale = scale

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(list(texts))
        lengths = np.array([[len(text), len(set(text))] for text in texts], dtype=np.float32)
        return lengths * np.float32(self._scale)


def test_vectors_are_computed_once_for_a_dataset(store: Store) -> None:
    encoder = FakeEncoder()
    first = store.vectors.get_or_compute(DATASET, ENCODER, texts=TEXTS, embed=encoder)
    again = store.vectors.get_or_compute(DATASET, ENCODER, texts=TEXTS, embed=encoder)
    assert encoder.calls == [TEXTS]
    np.testing.assert_array_equal(first, again)
    assert again.dtype == np.float32


def test_vectors_are_separate_for_each_encoder(store: Store) -> None:
    store.vectors.get_or_compute(DATASET, ENCODER, texts=TEXTS, embed=FakeEncoder())
    other = FakeEncoder(scale=2)
    vectors = store.vectors.get_or_compute(DATASET, "f" * 64, texts=TEXTS, embed=other)
    assert other.calls == [TEXTS]
    np.testing.assert_array_equal(vectors, FakeEncoder(scale=2)(TEXTS))


def test_vectors_are_separate_for_each_dataset(store: Store) -> None:
    encoder = FakeEncoder()
    for dataset in (DATASET, "c" * 64):
        store.vectors.get_or_compute(dataset, ENCODER, texts=TEXTS, embed=encoder)
    assert len(encoder.calls) == 2


@pytest.mark.parametrize("texts", [TEXTS[:2], TEXTS[::-1], [*TEXTS[:2], "¿dónde?"], []])
def test_get_returns_none_for_other_texts(store: Store, texts: list[str]) -> None:
    store.vectors.put(DATASET, ENCODER, FakeEncoder()(TEXTS), texts=TEXTS)
    assert store.vectors.get(DATASET, ENCODER, texts=texts) is None


def test_get_returns_none_before_put(store: Store) -> None:
    assert store.vectors.get(DATASET, ENCODER, texts=TEXTS) is None


def test_put_accepts_views_of_larger_arrays(store: Store) -> None:
    """Such rows are not contiguous in memory, which safetensors does not check."""
    large = np.arange(24, dtype=np.float32).reshape(3, 8)
    for part in (large[:, ::2], large.T[:3], large[::-1]):
        store.vectors.put(DATASET, ENCODER, part, texts=TEXTS)
        np.testing.assert_array_equal(store.vectors.get(DATASET, ENCODER, texts=TEXTS), part)


def changed(change: Callable[[dict[str, NDArray[np.float32]]], object]) -> Callable[[bytes], bytes]:
    """Return a change of the content that leaves a valid safetensors file."""

    def damage(data: bytes) -> bytes:
        tensors = dict(load(data))
        change(tensors)
        return save(tensors)

    return damage


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "no safetensors": lambda data: b"not a file of vectors",
    "cut": lambda data: data[:-5],
    "one bit": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "no vectors": changed(lambda tensors: tensors.pop("vectors")),
    "no digest": changed(lambda tensors: tensors.pop("digest")),
    "a row too few": changed(lambda tensors: tensors.update(vectors=tensors["vectors"][:2])),
    "flat": changed(lambda tensors: tensors.update(vectors=tensors["vectors"].reshape(-1))),
    "another shape": changed(lambda tensors: tensors.update(vectors=tensors["vectors"].reshape(3, 2, 1))),
    "another kind": changed(lambda tensors: tensors.update(vectors=tensors["vectors"].view(np.int32))),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_logged_and_computed_again(
    local_store: Store, folder: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    encoder = FakeEncoder()
    whole = local_store.vectors.get_or_compute(DATASET, ENCODER, texts=TEXTS, embed=encoder)
    path = folder / KEY
    path.write_bytes(DAMAGES[damage](path.read_bytes()))

    with caplog.at_level(logging.WARNING):
        assert local_store.vectors.get(DATASET, ENCODER, texts=TEXTS) is None
    assert KEY in caplog.text

    np.testing.assert_array_equal(
        local_store.vectors.get_or_compute(DATASET, ENCODER, texts=TEXTS, embed=encoder), whole
    )
    assert len(encoder.calls) == 2
    np.testing.assert_array_equal(local_store.vectors.get(DATASET, ENCODER, texts=TEXTS), whole)


def test_truncated_file_is_not_used(local_store: Store, folder: Path) -> None:
    local_store.vectors.put(DATASET, ENCODER, FakeEncoder()(TEXTS), texts=TEXTS)
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()] == [KEY]


@pytest.mark.parametrize("shape", [(2, 2), (6,), (3, 1, 2)])
def test_put_refuses_a_wrong_number_of_vectors(store: Store, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="for 3 texts"):
        store.vectors.put(DATASET, ENCODER, np.zeros(shape, np.float32), texts=TEXTS)


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_vectors_refuse_unsafe_names(store: Store, name: str) -> None:
    for names in ((name, ENCODER), (DATASET, name)):
        with pytest.raises(NotFound):
            store.vectors.get(*names, texts=TEXTS)
        with pytest.raises(InvalidInput):
            store.vectors.put(*names, FakeEncoder()(TEXTS), texts=TEXTS)
