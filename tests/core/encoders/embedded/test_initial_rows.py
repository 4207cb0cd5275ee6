import numpy as np
import pytest

from core.encoders.embedded.initial_rows import Evidence, initial_rows
from core.encoders.embedded.training_examples import Example

BASE = np.eye(6, dtype=np.float32) * np.array([[1], [2], [3], [4], [5], [6]], np.float32)
"""Six English rows with norms 1 to 6."""

NEW = 6
"""Id of the first new token."""


def evidence(*examples: Example, english: list[list[int]], pieces: int = 9) -> Evidence:
    accumulated = Evidence(pieces, len(BASE))
    accumulated.add_language(english, examples)
    return accumulated


def aligned(pieces: list[int], matrix: list[list[float]], english: int = 0) -> Example:
    return Example(pieces, english, np.array(matrix, np.float32))


def test_new_row_is_weighted_mean_of_aligned_rows_at_mean_norm() -> None:
    initial = initial_rows(BASE, evidence(aligned([NEW], [[0.75, 0.25]]), english=[[1, 3]]), seed=1)
    direction = 0.75 * BASE[1] + 0.25 * BASE[3]
    length = 0.75 * 2 + 0.25 * 4
    np.testing.assert_allclose(
        initial.embeddings[NEW], direction / np.linalg.norm(direction) * length, rtol=1e-6
    )
    assert initial.aligned == 1


def test_evidence_sums_over_sentences_and_languages() -> None:
    accumulated = evidence(aligned([NEW], [[1.0]]), aligned([NEW], [[1.0]], 1), english=[[1], [2]])
    accumulated.add_language([[2]], [aligned([NEW], [[1.0]])])
    english, mass = accumulated.neighbours().of(NEW)
    assert (english.tolist(), mass.tolist()) == ([2, 1], [2.0, 1.0])


def test_initial_rows_ignore_weak_alignments() -> None:
    initial = initial_rows(BASE, evidence(aligned([NEW], [[0.9, 0.05]]), english=[[1, 2]]), seed=1)
    np.testing.assert_allclose(initial.embeddings[NEW], BASE[1], rtol=1e-6)


def test_unaligned_row_starts_near_mean_of_all_rows() -> None:
    initial = initial_rows(BASE, evidence(aligned([NEW], [[0.01]]), english=[[1]]), seed=1)
    assert np.abs(initial.embeddings[NEW + 1] - BASE.mean(axis=0)).max() < 0.1
    assert not np.array_equal(initial.embeddings[NEW + 1], initial.embeddings[NEW + 2])
    assert initial.aligned == 0


def test_base_rows_are_unchanged_and_frozen() -> None:
    initial = initial_rows(BASE, evidence(aligned([NEW, 1], [[1, 0], [0, 1]]), english=[[2, 1]]), seed=1)
    np.testing.assert_array_equal(initial.embeddings[: len(BASE)], BASE)
    assert initial.trainable.tolist() == [False] * 6 + [True] * 3


@pytest.mark.parametrize(("english_uses", "is_trainable"), [(1, True), (100, False)])
def test_false_friend_is_trainable_when_common_in_other_languages(
    english_uses: int, is_trainable: bool
) -> None:
    # German "die" is token 1, which is rare in English, and is aligned with "the", token 2.
    examples = [aligned([1], [[0.9]]) for _ in range(10)]
    accumulated = evidence(*examples, english=[[2]])
    accumulated.add_english([[1]] * english_uses)
    rows = initial_rows(BASE, accumulated, seed=1)
    assert bool(rows.trainable[1]) is is_trainable
    assert np.array_equal(rows.embeddings[1], BASE[1]) is not is_trainable
