"""Seconds and memory that the neighbours of QA episodes take, beside two plain ways to find them.

The plain ways come last, because a process never gives its peak of memory back. Vectors are random.

    python -m benchmarks.neighbours --rows 5000
"""

import argparse
import time
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from core.system.compute import configure_computing, peak_memory_bytes

if TYPE_CHECKING:
    from core.tasks.qa.neighbours import Vectors

SHOTS = 6
"""k = q (the paper's)."""

COUNT = 2 * SHOTS - 1
"""Neighbours that an episode within one language may need of a query."""

EPISODES = 1_000

LOOPED = 300
"""Rows of the search that compares pair by pair; the rest follows from their share of the pairs."""


class Measurement(NamedTuple):
    """One line of the table; of a busy machine, the processor's seconds tell more than the clock's."""

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


def _measurements(vectors: "Vectors") -> list[Measurement]:
    """Measure one after the other, the most frugal first."""
    from core.tasks.qa.episodes import (  # noqa: PLC0415 - after the threads are set
        TripletPool,
        within_language_episodes,
    )
    from core.tasks.qa.neighbours import nearest  # noqa: PLC0415

    rows = len(vectors)
    exclude = [(row,) for row in range(rows)]
    searched = _measured(
        f"neighbours of {rows} × {rows}, in blocks",
        lambda: nearest(vectors, vectors, count=COUNT, exclude=exclude),
    )
    names = [str(row) for row in range(rows)]
    pool = TripletPool(names, names, vectors)
    episodes = within_language_episodes(pool, k_shot=SHOTS, q_shot=SHOTS, seed=1)
    drawn = _measured(f"{EPISODES} episodes, k = q = {SHOTS}", lambda: list(islice(episodes, EPISODES)))
    looped = _measured(f"pair by pair in Python, from {LOOPED} rows", lambda: _pair_by_pair(vectors[:LOOPED]))
    share = (rows / LOOPED) ** 2
    looped = looped._replace(seconds=looped.seconds * share, cpu_seconds=looped.cpu_seconds * share)
    whole = _measured("the whole matrix, sorted", lambda: (-(vectors @ vectors.T)).argsort(axis=1)[:, :COUNT])
    return [searched, drawn, looped, whole]


def _pair_by_pair(vectors: "Vectors") -> list[list[int]]:
    """Compare every two rows, as the definition says."""
    found = []
    for row, query in enumerate(vectors):
        cosines = {other: float(query @ vector) for other, vector in enumerate(vectors) if other != row}
        found.append(sorted(cosines, key=lambda other: -cosines[other])[:COUNT])
    return found


def _unit_vectors(rows: int, width: int) -> "Vectors":
    import numpy as np  # noqa: PLC0415 - after the threads are set

    drawn = np.random.default_rng(1).standard_normal((rows, width), dtype=np.float32)
    unit: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def _measured(what: str, work: Callable[[], object]) -> Measurement:
    before = peak_memory_bytes()
    began, cpu = time.perf_counter(), time.process_time()
    work()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    return Measurement(what, seconds, cpu_seconds, before / 2**20, peak_memory_bytes() / 2**20)


def _table(measurements: list[Measurement]) -> str:
    """Return seconds, and how far each raised the peak of the process."""
    lines = [
        "| what | seconds | of processors | peak memory before, MB | after, MB |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.what} | {one.seconds:.3f} | {one.cpu_seconds:.3f} "
        f"| {one.before_mb:.0f} | {one.after_mb:.0f} |"
        for one in measurements
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
