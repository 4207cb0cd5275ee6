import numpy as np
import pytest

from core.encoders.embedded.initial_rows import Evidence, initial_rows
from core.encoders.embedded.training_examples import Example

BASE = np.eye(6, dtype=np.float32) * np.array([[1], [2], [3], [4], [5], [6]], np.float32)
"""Six English rows, of lengths 1 to 6."""

NEW = 6
"""The first new piece."""


def evidence(*examples: Example, english: list[list[int]], pieces: int = 9) -> Evidence:
    found = Evidence(pieces, len(BASE))
    found.add_language(english, examples)
    return found


def aligned(pieces: list[int], matrix: list[list[float]], english: int = 0) -> Example:
    return Example(pieces, english, np.array(matrix, np.float32))


def test_a_new_row_is_the_mean_of_what_it_is_aligned_with_at_their_length() -> None:
    found = initial_rows(BASE, evidence(aligned([NEW], [[0.75, 0.25]]), english=[[1, 3]]), seed=1)
    direction = 0.75 * BASE[1] + 0.25 * BASE[3]
    length = 0.75 * 2 + 0.25 * 4
    np.testing.assert_allclose(
        found.embeddings[NEW], direction / np.linalg.norm(direction) * length, rtol=1e-6
    )
    assert found.aligned == 1


def test_the_evidence_of_all_sentences_and_languages_is_summed() -> None:
    both = evidence(aligned([NEW], [[1.0]]), aligned([NEW], [[1.0]], 1), english=[[1], [2]])
    both.add_language([[2]], [aligned([NEW], [[1.0]])])
    english, mass = both.neighbours().of(NEW)
    assert (english.tolist(), mass.tolist()) == ([2, 1], [2.0, 1.0])


def test_faint_alignments_count_for_nothing() -> None:
    found = initial_rows(BASE, evidence(aligned([NEW], [[0.9, 0.05]]), english=[[1, 2]]), seed=1)
    np.testing.assert_allclose(found.embeddings[NEW], BASE[1], rtol=1e-6)


def test_a_piece_that_is_aligned_with_nothing_begins_near_the_middle_of_all_words() -> None:
    found = initial_rows(BASE, evidence(aligned([NEW], [[0.01]]), english=[[1]]), seed=1)
    assert np.abs(found.embeddings[NEW + 1] - BASE.mean(axis=0)).max() < 0.1
    assert not np.array_equal(found.embeddings[NEW + 1], found.embeddings[NEW + 2])
    assert found.aligned == 0


def test_the_bases_rows_stay_and_do_not_move() -> None:
    found = initial_rows(BASE, evidence(aligned([NEW, 1], [[1, 0], [0, 1]]), english=[[2, 1]]), seed=1)
    np.testing.assert_array_equal(found.embeddings[: len(BASE)], BASE)
    assert found.trainable.tolist() == [False] * 6 + [True] * 3


@pytest.mark.parametrize(("english_uses", "moves"), [(1, True), (100, False)])
def test_a_false_friend_common_elsewhere_may_move(english_uses: int, moves: bool) -> None:
    # German "die" is piece 1, which English rarely uses, and stands for "the", piece 2.
    examples = [aligned([1], [[0.9]]) for _ in range(10)]
    found = evidence(*examples, english=[[2]])
    found.add_english([[1]] * english_uses)
    rows = initial_rows(BASE, found, seed=1)
    assert bool(rows.trainable[1]) is moves
    assert np.array_equal(rows.embeddings[1], BASE[1]) is not moves
