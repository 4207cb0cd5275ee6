"""Exact search of the most similar triplets by cosine similarity (X-METRA-ADA, section 2.3.2)."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

UnitVectors = NDArray[np.float32]
"""Sentence vectors of unit length, [rows, width]."""

NO_ROW: Final = -1
"""Placeholder if there are fewer rows than requested."""

BLOCK: Final = 1 << 20
"""Cosines that are computed at once: 8 MB, whatever the pools."""

COSINE_STEPS: Final = 1e6
"""Steps of a cosine between 0 and 1; smaller differences are rounding errors of the encoder or the sum."""


def nearest(
    queries: UnitVectors, pool: UnitVectors, *, count: int, exclude: Sequence[Collection[int]]
) -> NDArray[np.int64]:
    """Return the rows of a pool that are most similar to each query, the most similar first.

    Equal cosines are sorted by row, so that the result is the same on every machine and for every size of
    block. Cosines are summed in double precision and rounded (`COSINE_STEPS`), because a sum depends on the
    position of its row in a block: in single precision two equal rows would often differ.

    Args:
        queries: Of unit length, [queries, width].
        pool: Of unit length, [rows, width].
        count: Number of rows per query.
        exclude: For each query the rows that are not returned.

    Returns:
        [queries, min(count, rows)]; `NO_ROW` at the end of a query with fewer rows.

    Raises:
        ValueError: The widths differ, or the number of exclusions differs from that of the queries.
    """
    if queries.shape[1] != pool.shape[1]:
        raise ValueError(f"queries are {queries.shape[1]} wide and the pool is {pool.shape[1]}")
    if len(exclude) != len(queries):
        raise ValueError(f"{len(exclude)} exclusions for {len(queries)} queries")
    rows = np.full((len(queries), min(count, len(pool))), NO_ROW)  # [queries, count]
    if not rows.size:
        return rows
    columns = pool.T.astype(np.float64)  # [width, rows]
    height = max(1, BLOCK // len(pool))
    for start in range(0, len(queries), height):
        block = slice(start, start + height)
        ranks = _ranks(queries[block], columns)  # [block, rows]
        for query, excluded in enumerate(exclude[block]):
            ranks[query, list(excluded)] = np.inf
        rows[block] = _lowest(ranks, rows.shape[1])
    return rows


def support_rows(
    ranked: Sequence[Sequence[int]], query_rows: Sequence[int], *, per_query: int, exclude: Collection[int]
) -> list[int]:
    """Return the support of an episode: the neighbours of its queries, without duplicates.

    If two queries share a neighbour, the later one gets its next neighbour instead.

    Args:
        ranked: For each row of the query's pool its nearest rows in the support's pool (`nearest`).
        query_rows: The rows of the query.
        per_query: Number of neighbours per query.
        exclude: Rows that are not in the support, such as those of the query.

    Returns:
        The neighbours of the first query, then of the second, and so on.
    """
    unavailable = {NO_ROW, *exclude}
    support: list[int] = []
    for row in query_rows:
        neighbours = list(islice((near for near in ranked[row] if near not in unavailable), per_query))
        unavailable.update(neighbours)
        support.extend(neighbours)
    return support


def _ranks(queries: UnitVectors, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return integers, unique within a query, that sort by descending cosine and then by ascending row.

    They are below 2^53, and so exact, up to billions of rows.
    """
    ranks: NDArray[np.float64] = queries.astype(np.float64) @ columns  # [block, rows]
    ranks *= -COSINE_STEPS
    np.rint(ranks, out=ranks)
    ranks *= columns.shape[1]
    ranks += np.arange(columns.shape[1])
    return ranks


def _lowest(ranks: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return the columns of the lowest ranks, in ascending order: [block, count]."""
    candidates = np.argpartition(ranks, count - 1, axis=1)[:, :count]
    candidate_ranks = np.take_along_axis(ranks, candidates, axis=1)
    order = np.argsort(candidate_ranks, axis=1)
    lowest = np.take_along_axis(candidates, order, axis=1)
    lowest[np.isinf(np.take_along_axis(candidate_ranks, order, axis=1))] = NO_ROW
    return lowest
