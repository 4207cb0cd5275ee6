"""How far a job is: stages of known cost, steps, losses and the time that is left."""

import itertools
import time
from collections.abc import Callable, Mapping

from core.contracts.jobs import Progress
from core.contracts.reports import CurvePoint

Monitor = Callable[[Progress], None]
"""Told of every step; raises `JobCancelled` to stop the work."""

CURVE_POINTS = 200
"""Losses kept a stage for the report: enough to plot, little enough to send."""


class ProgressTracker:
    """Turns steps into percent and ETA.

    Set `prefix` to tell the stages of one model from those of another in the same job.

    Args:
        monitor: Who is told.
        costs: Stage → its expected cost, in any one unit, in the order they run.
        clock: Seconds, for the tests.
    """

    def __init__(
        self, monitor: Monitor, costs: Mapping[str, float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._monitor = monitor
        self._costs = dict(costs)
        self._clock = clock
        self._started = clock()
        self._done = 0.0
        self._stage = ""
        self._total_steps = 0
        self.curves: list[CurvePoint] = []
        self.prefix = ""

    def begin(self, stage: str, total_steps: int) -> None:
        """Enter a stage; those announced before it count as done, however much of them was run.

        Raises:
            KeyError: The stage was not announced.
        """
        stage = self.prefix + stage
        if stage not in self._costs:
            raise KeyError(f"stage {stage!r} was not announced; known are {sorted(self._costs)}")
        earlier = itertools.takewhile(lambda name: name != stage, self._costs)
        self._done = sum(self._costs[name] for name in earlier)
        self._stage = stage
        self._total_steps = max(1, total_steps)
        self._tell(0, {})

    def step(self, step: int, metrics: Mapping[str, float] | None = None) -> None:
        """Tell that `step` steps of the stage are done."""
        measured = dict(metrics or {})
        every = max(1, self._total_steps // CURVE_POINTS)
        if measured and (step % every == 0 or step == self._total_steps):
            self.curves.append(CurvePoint(stage=self._stage, step=step, metrics=measured))
        self._tell(step, measured)

    def _tell(self, step: int, metrics: dict[str, float]) -> None:
        """Compute percent and ETA from the share of the cost that is done."""
        share = min(1.0, step / self._total_steps) * self._costs[self._stage]
        fraction = min(1.0, (self._done + share) / (sum(self._costs.values()) or 1.0))
        elapsed = self._clock() - self._started
        eta = elapsed * (1 - fraction) / fraction if fraction > 0.01 else None
        self._monitor(
            Progress(
                percent=round(100 * fraction, 2),
                stage=self._stage,
                step=step,
                total_steps=self._total_steps,
                eta_seconds=None if eta is None else round(eta, 1),
                metrics={name: round(value, 4) for name, value in metrics.items()},
            )
        )
