"""Neighbours, against a search of every pair in plain Python."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from core.tasks.qa import neighbours
from core.tasks.qa.neighbours import NOBODY, Vectors, nearest, support_rows

WIDTH = 3

corners = st.tuples(*[st.integers(-2, 2)] * WIDTH).filter(any)
"""Few directions, so that there are ties and equal rows."""

anywhere = st.tuples(*[st.floats(-1, 1)] * WIDTH).filter(lambda vector: math.hypot(*vector) > 0.1)
vectors = st.one_of(st.lists(corners, min_size=1, max_size=12), st.lists(anywhere, min_size=1, max_size=12))
exclusions = st.lists(st.sets(st.integers(0, 11)), min_size=12, max_size=12)
counts = st.integers(1, 14)
blocks = st.sampled_from([1, 5, 30, neighbours.BLOCK])


def unit(rows: ArrayLike) -> Vectors:
    wide = np.asarray(rows, dtype=np.float64)
    scaled: Vectors = (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def by_brute_force(query: Vectors, pool: Vectors, count: int, barred: set[int]) -> list[int]:
    """Compare a query with one row after the other, and sort."""

    def millionths(row: int) -> int:
        return round(1e6 * math.fsum(float(a) * float(b) for a, b in zip(query, pool[row], strict=True)))

    allowed = [row for row in range(len(pool)) if row not in barred]
    return sorted(allowed, key=lambda row: (-millionths(row), row))[:count]


@given(vectors, vectors, counts, exclusions, blocks)
def test_the_nearest_are_those_that_a_search_of_all_pairs_finds(
    queries: list[tuple[float, ...]],
    pool: list[tuple[float, ...]],
    count: int,
    exclude: list[set[int]],
    block: int,
) -> None:
    left, right = unit(queries), unit(pool)
    barred = [{row for row in rows if row < len(pool)} for rows in exclude[: len(queries)]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "BLOCK", block)
        found = nearest(left, right, count=count, exclude=barred)
    assert found.shape == (len(queries), min(count, len(pool)))
    for row, query in enumerate(left):
        expected = by_brute_force(query, right, count, barred[row])
        assert found[row].tolist() == expected + [NOBODY] * (found.shape[1] - len(expected))


def test_equal_rows_come_in_their_order() -> None:
    pool = unit([(0, 1, 0), (1, 0, 0), (1, 0, 0), (1, 0, 0)])
    found = nearest(unit([(1, 0, 0)]), pool, count=3, exclude=[()])
    assert found.tolist() == [[1, 2, 3]]


def test_equal_rows_come_in_their_order_in_a_large_pool_too() -> None:
    """A matrix product in single precision may round them differently at different places."""
    draw = np.random.default_rng(3)
    pool = unit(draw.normal(size=(4_999, 384)))
    pool[[5, 333, 998, 4_998]] = pool[5]
    found = nearest(unit(draw.normal(size=(200, 384)) + 40 * pool[5]), pool, count=4, exclude=[()] * 200)
    assert (found == [5, 333, 998, 4_998]).all()


def test_a_triplet_is_not_its_own_neighbour() -> None:
    own = unit(np.random.default_rng(1).normal(size=(40, 8)))
    found = nearest(own, own, count=39, exclude=[(row,) for row in range(40)])
    assert all(sorted(found[row]) == [other for other in range(40) if other != row] for row in range(40))


def test_the_matrix_of_all_pairs_is_never_in_memory() -> None:
    own = unit(np.random.default_rng(1).normal(size=(3_000, 8)))
    tracemalloc.start()
    try:
        nearest(own, own, count=11, exclude=[()] * 3_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 8 * neighbours.BLOCK < 3_000 * 3_000 * 8


@pytest.mark.parametrize(("queries", "pool"), [(0, 3), (3, 0), (0, 0)])
def test_nothing_has_no_neighbours(queries: int, pool: int) -> None:
    found = nearest(
        np.zeros((queries, WIDTH), np.float32),
        np.zeros((pool, WIDTH), np.float32),
        count=2,
        exclude=[()] * queries,
    )
    assert found.shape == (queries, min(2, pool))


def test_vectors_of_two_encoders_are_not_compared() -> None:
    with pytest.raises(ValueError, match="queries are 3 wide and the pool is 4"):
        nearest(np.eye(3, dtype=np.float32), np.eye(4, dtype=np.float32), count=1, exclude=[()] * 3)


def test_every_query_says_what_it_never_gets() -> None:
    with pytest.raises(ValueError, match="1 exclusions for 3 queries"):
        nearest(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32), count=1, exclude=[()])


def test_a_shared_neighbour_goes_to_the_first_and_the_second_takes_its_next() -> None:
    ranked = [[7, 8, 9], [7, 8, 9]]
    assert support_rows(ranked, [0, 1], each=1, barred=()) == [7, 8]
    assert support_rows(ranked, [1, 0], each=1, barred=[8]) == [7, 9]
    assert support_rows(ranked, [0, 1], each=2, barred=()) == [7, 8, 9]


def test_nobody_is_no_support() -> None:
    assert support_rows([[4, NOBODY]], [0], each=2, barred=()) == [4]
