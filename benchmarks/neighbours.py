"""Time and memory of the neighbour search of QA episodes, compared with two naive implementations.

The naive ones run last, because the peak memory of a process never decreases. Vectors are random.

    python -m benchmarks.neighbours --rows 5000
"""

import argparse
import time
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from core.system.compute import configure_computing, peak_memory_bytes

if TYPE_CHECKING:
    from core.tasks.qa.neighbours import UnitVectors

SHOTS = 6
"""k = q, as in the paper."""

COUNT = 2 * SHOTS - 1
"""Number of neighbours of a query that an episode within a language may need."""

EPISODES = 1_000

PAIRWISE_ROWS = 300
"""Rows of the pairwise search, whose time is extrapolated by the number of pairs."""


class Measurement(NamedTuple):
    """A line of the table. On a busy machine, CPU seconds are more reliable than wall seconds."""

    what: str
    seconds: float
    cpu_seconds: float
    before_mb: float
    after_mb: float


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5_000, help="triplets of the pool")
    parser.add_argument("--width", type=int, default=384, help="of a sentence vector")
    parser.add_argument("--threads", type=int, default=0, help="0: every core")
    arguments = parser.parse_args()
    configure_computing(arguments.threads)
    vectors = _unit_vectors(arguments.rows, arguments.width)
    print(_table(_measurements(vectors)))


def _measurements(vectors: "UnitVectors") -> list[Measurement]:
    """Measure one after the other, in the order of their memory."""
    from core.tasks.qa.episodes import (  # noqa: PLC0415 - after the threads are set
        TripletPool,
        within_language_episodes,
    )
    from core.tasks.qa.neighbours import nearest  # noqa: PLC0415

    rows = len(vectors)
    exclude = [(row,) for row in range(rows)]
    search = _measure(
        f"neighbours of {rows} × {rows}, in blocks",
        lambda: nearest(vectors, vectors, count=COUNT, exclude=exclude),
    )
    names = [str(row) for row in range(rows)]
    pool = TripletPool(names, names, vectors)
    episodes = within_language_episodes(pool, k_shot=SHOTS, q_shot=SHOTS, seed=1)
    sampling = _measure(f"{EPISODES} episodes, k = q = {SHOTS}", lambda: list(islice(episodes, EPISODES)))
    pairwise = _measure(
        f"pair by pair in Python, from {PAIRWISE_ROWS} rows", lambda: _pair_by_pair(vectors[:PAIRWISE_ROWS])
    )
    share = (rows / PAIRWISE_ROWS) ** 2
    pairwise = pairwise._replace(seconds=pairwise.seconds * share, cpu_seconds=pairwise.cpu_seconds * share)
    full_matrix = _measure(
        "the whole matrix, sorted", lambda: (-(vectors @ vectors.T)).argsort(axis=1)[:, :COUNT]
    )
    return [search, sampling, pairwise, full_matrix]


def _pair_by_pair(vectors: "UnitVectors") -> list[list[int]]:
    """Return the neighbours of each row by comparing all pairs."""
    neighbours = []
    for row, query in enumerate(vectors):
        cosines = {other: float(query @ vector) for other, vector in enumerate(vectors) if other != row}
        neighbours.append(sorted(cosines, key=lambda other: -cosines[other])[:COUNT])
    return neighbours


def _unit_vectors(rows: int, width: int) -> "UnitVectors":
    import numpy as np  # noqa: PLC0415 - after the threads are set

    vectors = np.random.default_rng(1).standard_normal((rows, width), dtype=np.float32)
    unit: UnitVectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _measure(what: str, work: Callable[[], object]) -> Measurement:
    before = peak_memory_bytes()
    start, cpu_start = time.perf_counter(), time.process_time()
    work()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    return Measurement(what, seconds, cpu_seconds, before / 2**20, peak_memory_bytes() / 2**20)


def _table(measurements: list[Measurement]) -> str:
    """Return a table of seconds and of the process's peak memory before and after each measurement."""
    lines = [
        "| what | seconds | of processors | peak memory before, MB | after, MB |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {line.what} | {line.seconds:.3f} | {line.cpu_seconds:.3f} "
        f"| {line.before_mb:.0f} | {line.after_mb:.0f} |"
        for line in measurements
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
