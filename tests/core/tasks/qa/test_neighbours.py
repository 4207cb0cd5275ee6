"""Test nearest neighbours against a search of all pairs in plain Python."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from core.tasks.qa import neighbours
from core.tasks.qa.neighbours import NO_ROW, UnitVectors, nearest, support_rows

WIDTH = 3

corners = st.tuples(*[st.integers(-2, 2)] * WIDTH).filter(any)
"""Few distinct directions, so that there are ties and equal rows."""

directions = st.tuples(*[st.floats(-1, 1)] * WIDTH).filter(lambda vector: math.hypot(*vector) > 0.1)
vectors = st.one_of(st.lists(corners, min_size=1, max_size=12), st.lists(directions, min_size=1, max_size=12))
exclusions = st.lists(st.sets(st.integers(0, 11)), min_size=12, max_size=12)
counts = st.integers(1, 14)
blocks = st.sampled_from([1, 5, 30, neighbours.BLOCK])


def unit(row_vectors: ArrayLike) -> UnitVectors:
    double = np.asarray(row_vectors, dtype=np.float64)
    scaled: UnitVectors = (double / np.linalg.norm(double, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def brute_force_nearest(query: UnitVectors, pool: UnitVectors, count: int, excluded: set[int]) -> list[int]:
    """Compare a query with every row, and sort."""

    def millionths(row: int) -> int:
        return round(1e6 * math.fsum(float(a) * float(b) for a, b in zip(query, pool[row], strict=True)))

    allowed = [row for row in range(len(pool)) if row not in excluded]
    return sorted(allowed, key=lambda row: (-millionths(row), row))[:count]


@given(vectors, vectors, counts, exclusions, blocks)
def test_nearest_matches_brute_force_search(
    queries: list[tuple[float, ...]],
    pool: list[tuple[float, ...]],
    count: int,
    exclude: list[set[int]],
    block: int,
) -> None:
    left, right = unit(queries), unit(pool)
    excluded = [{row for row in drawn if row < len(pool)} for drawn in exclude[: len(queries)]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "BLOCK", block)
        rows = nearest(left, right, count=count, exclude=excluded)
    assert rows.shape == (len(queries), min(count, len(pool)))
    for row, query in enumerate(left):
        expected = brute_force_nearest(query, right, count, excluded[row])
        assert rows[row].tolist() == expected + [NO_ROW] * (rows.shape[1] - len(expected))


def test_nearest_sorts_equal_rows_by_index() -> None:
    pool = unit([(0, 1, 0), (1, 0, 0), (1, 0, 0), (1, 0, 0)])
    rows = nearest(unit([(1, 0, 0)]), pool, count=3, exclude=[()])
    assert rows.tolist() == [[1, 2, 3]]


def test_nearest_sorts_equal_rows_by_index_in_large_pool() -> None:
    """A matrix product in single precision may round equal rows differently at different positions."""
    draw = np.random.default_rng(3)
    pool = unit(draw.normal(size=(4_999, 384)))
    pool[[5, 333, 998, 4_998]] = pool[5]
    rows = nearest(unit(draw.normal(size=(200, 384)) + 40 * pool[5]), pool, count=4, exclude=[()] * 200)
    assert (rows == [5, 333, 998, 4_998]).all()


def test_nearest_excludes_rows() -> None:
    unit_vectors = unit(np.random.default_rng(1).normal(size=(40, 8)))
    rows = nearest(unit_vectors, unit_vectors, count=39, exclude=[(row,) for row in range(40)])
    assert all(sorted(rows[row]) == [other for other in range(40) if other != row] for row in range(40))


def test_nearest_computes_blocks_of_bounded_memory() -> None:
    unit_vectors = unit(np.random.default_rng(1).normal(size=(3_000, 8)))
    tracemalloc.start()
    try:
        nearest(unit_vectors, unit_vectors, count=11, exclude=[()] * 3_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 8 * neighbours.BLOCK < 3_000 * 3_000 * 8


@pytest.mark.parametrize(("queries", "pool"), [(0, 3), (3, 0), (0, 0)])
def test_nearest_returns_empty_result_for_empty_input(queries: int, pool: int) -> None:
    rows = nearest(
        np.zeros((queries, WIDTH), np.float32),
        np.zeros((pool, WIDTH), np.float32),
        count=2,
        exclude=[()] * queries,
    )
    assert rows.shape == (queries, min(2, pool))


def test_nearest_raises_when_widths_differ() -> None:
    with pytest.raises(ValueError, match="queries are 3 wide and the pool is 4"):
        nearest(np.eye(3, dtype=np.float32), np.eye(4, dtype=np.float32), count=1, exclude=[()] * 3)


def test_nearest_raises_when_exclusions_are_missing() -> None:
    with pytest.raises(ValueError, match="1 exclusions for 3 queries"):
        nearest(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32), count=1, exclude=[()])


def test_support_rows_gives_shared_neighbour_to_first_query() -> None:
    ranked = [[7, 8, 9], [7, 8, 9]]
    assert support_rows(ranked, [0, 1], per_query=1, exclude=()) == [7, 8]
    assert support_rows(ranked, [1, 0], per_query=1, exclude=[8]) == [7, 9]
    assert support_rows(ranked, [0, 1], per_query=2, exclude=()) == [7, 8, 9]


def test_support_rows_skips_placeholder() -> None:
    assert support_rows([[4, NO_ROW]], [0], per_query=2, exclude=()) == [4]
