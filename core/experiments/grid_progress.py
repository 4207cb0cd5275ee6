"""Progress of a grid of runs, reported as the progress of a single job."""

import time
from collections.abc import Callable, Collection, Mapping
from functools import partial

from core.contracts.jobs import Progress
from core.progress import Monitor

MIN_SHARE_FOR_ETA = 0.001
"""Share of the work after which the remaining time is estimated."""


class GridProgress:
    """Converts the progress of single runs into that of the grid.

    Args:
        monitor: Receives the progress of the grid.
        costs: Run → its expected cost, in any unit.
        done: Runs that were finished earlier; they count as done and do not affect the estimate.
        clock: Returns seconds.
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
        self._done_before = sum(costs[key] for key in done)
        self._done = self._done_before
        self._started = clock()

    def monitor_for(self, key: str) -> Monitor:
        """Return the monitor of a run."""
        return partial(self._report, key)

    def finish(self, key: str) -> None:
        """Count a run as done, whether it succeeded or failed."""
        self._done += self._costs[key]
        self._report(key, Progress(stage="done"))

    def _report(self, key: str, progress: Progress) -> None:
        done = self._done + self._costs[key] * progress.percent / 100
        changes = {
            "percent": round(min(100.0, 100 * done / self._total), 2),
            "stage": f"{key}: {progress.stage}",
            "eta_seconds": self._seconds_left(done),
        }
        self._monitor(progress.model_copy(update=changes))

    def _seconds_left(self, done: float) -> float | None:
        """Return the remaining seconds at the pace since the start, or None if it is too early to tell."""
        progressed = done - self._done_before
        if progressed < MIN_SHARE_FOR_ETA * self._total:
            return None
        return round((self._clock() - self._started) * max(0.0, self._total - done) / progressed, 1)
