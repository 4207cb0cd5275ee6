"""The most similar triplets, found exactly: cosines as matrix products (X-METRA-ADA, section 2.3.2)."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Sentence vectors of unit length, [rows, width]."""

NOBODY: Final = -1
"""In place of a row where there are too few."""

BLOCK: Final = 1 << 20
"""Cosines at once: 8 MB, whatever the pools."""

STEPS: Final = 1e6
"""To a cosine of 1; what is between two steps is rounding, an encoder's own or the sum's."""


def nearest(
    queries: Vectors, pool: Vectors, *, count: int, exclude: Sequence[Collection[int]]
) -> NDArray[np.int64]:
    """Return the rows of a pool that are most similar to each query, the most similar first.

    Equal cosines stand in the order of their rows, so that the answer is the same on every machine and
    for every size of block. They are summed in double precision and rounded (`STEPS`), for a sum depends on
    where a block puts its row: in single precision two equal rows would often differ.

    Args:
        queries: Of unit length, [queries, width].
        pool: Of unit length, [rows, width].
        count: Rows wanted for each query.
        exclude: For each query the rows that it never gets.

    Returns:
        [queries, min(count, rows)]; `NOBODY` at the end of a query that has fewer.

    Raises:
        ValueError: The widths differ, or the exclusions are not as many as the queries.
    """
    if queries.shape[1] != pool.shape[1]:
        raise ValueError(f"queries are {queries.shape[1]} wide and the pool is {pool.shape[1]}")
    if len(exclude) != len(queries):
        raise ValueError(f"{len(exclude)} exclusions for {len(queries)} queries")
    found = np.full((len(queries), min(count, len(pool))), NOBODY)  # [queries, count]
    if not found.size:
        return found
    columns = pool.T.astype(np.float64)  # [width, rows]
    height = max(1, BLOCK // len(pool))
    for start in range(0, len(queries), height):
        block = slice(start, start + height)
        ranks = _ranks(queries[block], columns)  # [block, rows]
        for row, barred in enumerate(exclude[block]):
            ranks[row, list(barred)] = np.inf
        found[block] = _lowest(ranks, found.shape[1])
    return found


def support_rows(
    ranked: Sequence[Sequence[int]], asked: Sequence[int], *, each: int, barred: Collection[int]
) -> list[int]:
    """Return the support of an episode: its queries' neighbours, all different.

    Where two queries share a neighbour, the later one takes its next.

    Args:
        ranked: For each row of the query's pool its nearest rows of the support's (`nearest`).
        asked: The rows of the query.
        each: Neighbours a query.
        barred: Rows that are in the query.

    Returns:
        The neighbours of the first query, then of the second, and so on.
    """
    taken = {NOBODY, *barred}
    chosen: list[int] = []
    for row in asked:
        own = list(islice((near for near in ranked[row] if near not in taken), each))
        taken.update(own)
        chosen.extend(own)
    return chosen


def _ranks(queries: Vectors, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return whole numbers, each its own in a row, that grow as cosines fall and then as rows grow.

    They are below 2^53, so exact, up to billions of rows.
    """
    ranks: NDArray[np.float64] = queries.astype(np.float64) @ columns  # [block, rows]
    ranks *= -STEPS
    np.rint(ranks, out=ranks)
    ranks *= columns.shape[1]
    ranks += np.arange(columns.shape[1])
    return ranks


def _lowest(ranks: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return the columns of the lowest ranks, in order: [block, count]."""
    chosen = np.argpartition(ranks, count - 1, axis=1)[:, :count]
    theirs = np.take_along_axis(ranks, chosen, axis=1)
    order = np.argsort(theirs, axis=1)
    found = np.take_along_axis(chosen, order, axis=1)
    found[np.isinf(np.take_along_axis(theirs, order, axis=1))] = NOBODY
    return found
