from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.encoders.embedded.alignment import ITERATIONS, align, model_1

sentences = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=5)


def by_the_book(generated: list[list[int]], given_side: list[list[int]]) -> list[list[list[float]]]:
    """IBM model 1 as Brown et al. write it down, word by word; None is the empty word."""
    table: dict[tuple[int, int | None], float] = defaultdict(lambda: 1.0)
    pairs = [(e, [*f, None]) for e, f in zip(generated, given_side, strict=True)]
    for _ in range(ITERATIONS):
        counts: dict[tuple[int, int | None], float] = defaultdict(float)
        totals: dict[int | None, float] = defaultdict(float)
        for e_words, f_words in pairs:
            for e in e_words:
                norm = sum(table[e, f] for f in f_words)
                for f in f_words:
                    counts[e, f] += table[e, f] / norm
                    totals[f] += table[e, f] / norm
        table = defaultdict(float, {(e, f): count / totals[f] for (e, f), count in counts.items()})
    return [
        [[table[e, f] / sum(table[e, other] for other in f_words) for f in f_words[:-1]] for e in e_words]
        for e_words, f_words in pairs
    ]


@given(sentences, sentences)
def test_the_posterior_is_that_of_the_textbook(first: list[list[int]], second: list[list[int]]) -> None:
    count = min(len(first), len(second))
    generated, given_side = first[:count], second[:count]
    for found, expected in zip(
        model_1(generated=generated, given=given_side), by_the_book(generated, given_side), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_word_that_always_goes_with_another_is_its_translation() -> None:
    english = [[10, 11], [10, 12], [13, 11], [13, 12]]
    target = [[20, 21], [20, 22], [23, 21], [23, 22]]
    for matrix in align(english, target):
        assert matrix.argmax(axis=1).tolist() == [0, 1]
        assert matrix.diagonal().min() > 0.5


def test_both_directions_must_believe_it() -> None:
    # The second piece is in every translation: each English piece may have made it, none alone did.
    english, target = [[1], [2], [3]], [[11, 99], [12, 99], [13, 99]]
    for matrix in align(english, target):
        assert matrix[0, 0] > 2 * matrix[1, 0]


def test_a_row_may_lose_mass_to_nothing_and_never_gains_any() -> None:
    (matrix,) = model_1(generated=[[1, 2, 3]], given=[[4, 5]])
    assert matrix.shape == (3, 2)
    assert (matrix.sum(axis=1) < 1).all()


def test_a_pair_without_pieces_on_one_side_is_no_obstacle() -> None:
    matrices = align([[1, 2], []], [[], [3]])
    assert [matrix.shape for matrix in matrices] == [(0, 2), (1, 0)]
    assert align([], []) == []


@pytest.mark.parametrize("seed", range(3))
def test_two_runs_are_equal(seed: int) -> None:
    draw = np.random.default_rng(seed)
    english = [draw.integers(0, 9, 5).tolist() for _ in range(8)]
    target = [draw.integers(0, 9, 4).tolist() for _ in range(8)]
    for first, second in zip(align(english, target), align(english, target), strict=True):
        assert np.array_equal(first, second)
