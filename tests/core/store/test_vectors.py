"""An encoder reads a dataset once."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save

from core.errors import InvalidInput, NotFound
from core.store import Store
from tests.core.store.builders import TRICKS

DATASET, ENCODER = "d" * 64, "e" * 64
TEXTS = ["¿dónde? aquí aquí", "¿cuándo? hoy\u2028 hoy", "ที่ไหน ที่นี่ ที่นี่"]
KEY = f"vectors/{DATASET}/{ENCODER}.safetensors"


class FakeEncoder:
    """Counts how often it is asked."""

    def __init__(self, scale: float = 1.0) -> None:
        self.asked: list[list[str]] = []
        self._scale = scale

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append(list(texts))
        lengths = np.array([[len(text), len(set(text))] for text in texts], dtype=np.float32)
        return lengths * np.float32(self._scale)


def test_the_encoder_is_asked_once_for_a_dataset(store: Store) -> None:
    encoder = FakeEncoder()
    first = store.vectors.of(DATASET, ENCODER, texts=TEXTS, embed=encoder)
    again = store.vectors.of(DATASET, ENCODER, texts=TEXTS, embed=encoder)
    assert encoder.asked == [TEXTS]
    np.testing.assert_array_equal(first, again)
    assert again.dtype == np.float32


def test_another_encoder_is_asked_itself(store: Store) -> None:
    store.vectors.of(DATASET, ENCODER, texts=TEXTS, embed=FakeEncoder())
    other = FakeEncoder(scale=2)
    found = store.vectors.of(DATASET, "f" * 64, texts=TEXTS, embed=other)
    assert other.asked == [TEXTS]
    np.testing.assert_array_equal(found, FakeEncoder(scale=2)(TEXTS))


def test_another_dataset_is_read_itself(store: Store) -> None:
    encoder = FakeEncoder()
    for dataset in (DATASET, "c" * 64):
        store.vectors.of(dataset, ENCODER, texts=TEXTS, embed=encoder)
    assert len(encoder.asked) == 2


@pytest.mark.parametrize("texts", [TEXTS[:2], TEXTS[::-1], [*TEXTS[:2], "¿dónde?"], []])
def test_vectors_of_other_texts_of_the_dataset_are_not_taken_for_these(
    store: Store, texts: list[str]
) -> None:
    store.vectors.put(DATASET, ENCODER, FakeEncoder()(TEXTS), texts=TEXTS)
    assert store.vectors.get(DATASET, ENCODER, texts=texts) is None


def test_what_was_never_put_is_not_there(store: Store) -> None:
    assert store.vectors.get(DATASET, ENCODER, texts=TEXTS) is None


def test_rows_of_a_larger_array_come_back_as_they_were(store: Store) -> None:
    """Such rows do not lie side by side in memory, which the file format does not look at."""
    large = np.arange(24, dtype=np.float32).reshape(3, 8)
    for part in (large[:, ::2], large.T[:3], large[::-1]):
        store.vectors.put(DATASET, ENCODER, part, texts=TEXTS)
        np.testing.assert_array_equal(store.vectors.get(DATASET, ENCODER, texts=TEXTS), part)


def changed(change: Callable[[dict[str, NDArray[np.float32]]], object]) -> Callable[[bytes], bytes]:
    """Return a damage that leaves a sound file."""

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
def test_a_damaged_file_is_told_in_the_log_and_made_anew(
    local_store: Store, folder: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    encoder = FakeEncoder()
    whole = local_store.vectors.of(DATASET, ENCODER, texts=TEXTS, embed=encoder)
    path = folder / KEY
    path.write_bytes(DAMAGES[damage](path.read_bytes()))

    with caplog.at_level(logging.WARNING):
        assert local_store.vectors.get(DATASET, ENCODER, texts=TEXTS) is None
    assert KEY in caplog.text

    np.testing.assert_array_equal(local_store.vectors.of(DATASET, ENCODER, texts=TEXTS, embed=encoder), whole)
    assert len(encoder.asked) == 2
    np.testing.assert_array_equal(local_store.vectors.get(DATASET, ENCODER, texts=TEXTS), whole)


def test_half_a_file_is_never_seen(local_store: Store, folder: Path) -> None:
    local_store.vectors.put(DATASET, ENCODER, FakeEncoder()(TEXTS), texts=TEXTS)
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()] == [KEY]


@pytest.mark.parametrize("shape", [(2, 2), (6,), (3, 1, 2)])
def test_vectors_that_are_not_one_to_a_text_are_refused(store: Store, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="for 3 texts"):
        store.vectors.put(DATASET, ENCODER, np.zeros(shape, np.float32), texts=TEXTS)


@pytest.mark.parametrize("name", TRICKS)
def test_a_name_in_which_a_path_is_hidden_leads_nowhere(store: Store, name: str) -> None:
    for names in ((name, ENCODER), (DATASET, name)):
        with pytest.raises(NotFound):
            store.vectors.get(*names, texts=TEXTS)
        with pytest.raises(InvalidInput):
            store.vectors.put(*names, FakeEncoder()(TEXTS), texts=TEXTS)
