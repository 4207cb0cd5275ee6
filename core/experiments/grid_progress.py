"""How far a whole grid is, told as the progress of one job."""

import time
from collections.abc import Callable, Collection, Mapping

from core.contracts.jobs import Progress
from core.progress import Monitor

LEAST_TOLD = 0.001
"""Share of the work after which the time that is left can be guessed."""


class GridProgress:
    """Turns the progress of each run into that of all.

    Args:
        monitor: Who is told.
        costs: Run → its expected cost, in any one unit.
        done: Runs that were done before; they count as done, and took no time.
        clock: Seconds, for the tests.
    """

    def __init__(
        self,
        monitor: Monitor,
        costs: Mapping[str, float],
        done: Collection[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monitor = monitor
        self._costs = dict(costs)
        self._clock = clock
        self._total = sum(costs.values()) or 1.0
        self._before = sum(costs[key] for key in done)
        self._done = self._before
        self._started = clock()

    def of(self, key: str) -> Monitor:
        """Return what is told of one run's progress."""

        def tell(progress: Progress) -> None:
            self._tell(key, progress)

        return tell

    def finish(self, key: str) -> None:
        """Count a run as done, whatever came of it."""
        self._done += self._costs[key]
        self._tell(key, Progress(stage="done"))

    def _tell(self, key: str, progress: Progress) -> None:
        done = self._done + self._costs[key] * progress.percent / 100
        told = {
            "percent": round(min(100.0, 100 * done / self._total), 2),
            "stage": f"{key}: {progress.stage}",
        }
        self._monitor(progress.model_copy(update=told | {"eta_seconds": self._seconds_left(done)}))

    def _seconds_left(self, done: float) -> float | None:
        """Return how long the rest takes at the pace since the start."""
        worked = done - self._before
        if worked < LEAST_TOLD * self._total:
            return None
        return round((self._clock() - self._started) * max(0.0, self._total - done) / worked, 1)
