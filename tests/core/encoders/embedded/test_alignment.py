from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.encoders.embedded.alignment import ITERATIONS, align, model_1

sentences = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=5)


def reference_model_1(generated: list[list[int]], source: list[list[int]]) -> list[list[list[float]]]:
    """Return the posterior of IBM model 1 by the formulas of Brown et al.; None is the null token."""
    table: dict[tuple[int, int | None], float] = defaultdict(lambda: 1.0)
    pairs = [(e, [*f, None]) for e, f in zip(generated, source, strict=True)]
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
def test_model_1_equals_reference_implementation(first: list[list[int]], second: list[list[int]]) -> None:
    count = min(len(first), len(second))
    generated, source = first[:count], second[:count]
    for posterior, expected in zip(
        model_1(generated=generated, source=source), reference_model_1(generated, source), strict=True
    ):
        np.testing.assert_allclose(posterior, expected, rtol=1e-9)


def test_align_finds_consistent_translations() -> None:
    english = [[10, 11], [10, 12], [13, 11], [13, 12]]
    target = [[20, 21], [20, 22], [23, 21], [23, 22]]
    for matrix in align(english, target):
        assert matrix.argmax(axis=1).tolist() == [0, 1]
        assert matrix.diagonal().min() > 0.5


def test_align_requires_evidence_in_both_directions() -> None:
    # The second token is in every translation, so no English token explains it alone.
    english, target = [[1], [2], [3]], [[11, 99], [12, 99], [13, 99]]
    for matrix in align(english, target):
        assert matrix[0, 0] > 2 * matrix[1, 0]


def test_model_1_rows_sum_to_less_than_one() -> None:
    (matrix,) = model_1(generated=[[1, 2, 3]], source=[[4, 5]])
    assert matrix.shape == (3, 2)
    assert (matrix.sum(axis=1) < 1).all()


def test_align_accepts_empty_sentences() -> None:
    matrices = align([[1, 2], []], [[], [3]])
    assert [matrix.shape for matrix in matrices] == [(0, 2), (1, 0)]
    assert align([], []) == []


@pytest.mark.parametrize("seed", range(3))
def test_align_is_deterministic(seed: int) -> None:
    generator = np.random.default_rng(seed)
    english = [generator.integers(0, 9, 5).tolist() for _ in range(8)]
    target = [generator.integers(0, 9, 4).tolist() for _ in range(8)]
    for first, second in zip(align(english, target), align(english, target), strict=True):
        assert np.array_equal(first, second)
