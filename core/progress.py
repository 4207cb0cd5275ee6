"""Progress of a job: stages with expected costs, steps, metrics and remaining time."""

import itertools
import time
from collections.abc import Callable, Mapping

from core.contracts.jobs import Progress
from core.contracts.reports import CurvePoint

Monitor = Callable[[Progress], None]
"""Callback for every step; raises `JobCancelled` to stop the job."""

CURVE_POINTS = 200
"""Maximum number of curve points per stage in the report: enough to plot, small enough to send."""


class ProgressTracker:
    """Computes percentage and ETA of a job from the steps of its stages.

    Attributes:
        curves: Metrics of the steps, thinned out.
        prefix: Prefix of the stage names, to distinguish the stages of several models in a job.

    Args:
        monitor: Callback that receives the progress.
        costs: Stage → expected cost in any common unit, in the order of execution.
        clock: Returns a time in seconds; replaced in tests.
    """

    def __init__(
        self, monitor: Monitor, costs: Mapping[str, float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._monitor = monitor
        self._costs = dict(costs)
        self._clock = clock
        self._start_time = clock()
        self._completed_cost = 0.0
        self._stage = ""
        self._total_steps = 0
        self.curves: list[CurvePoint] = []
        self.prefix = ""

    def begin(self, stage: str, total_steps: int) -> None:
        """Begin a stage; the stages before it count as complete.

        Args:
            stage: One of the stages in `costs`, without the prefix.
            total_steps: Expected number of steps.

        Raises:
            KeyError: The stage is not in `costs`.
        """
        stage = self.prefix + stage
        if stage not in self._costs:
            raise KeyError(f"stage {stage!r} was not announced; known are {sorted(self._costs)}")
        earlier = itertools.takewhile(lambda name: name != stage, self._costs)
        self._completed_cost = sum(self._costs[name] for name in earlier)
        self._stage = stage
        self._total_steps = max(1, total_steps)
        self._report(0, {})

    def step(self, step: int, metrics: Mapping[str, float] | None = None) -> None:
        """Report that `step` steps of the stage are complete."""
        values = dict(metrics or {})
        every = max(1, self._total_steps // CURVE_POINTS)
        if values and (step % every == 0 or step == self._total_steps):
            self.curves.append(CurvePoint(stage=self._stage, step=step, metrics=values))
        self._report(step, values)

    def _report(self, step: int, metrics: dict[str, float]) -> None:
        """Compute percentage and ETA from the completed share of the cost, and call the monitor."""
        share = min(1.0, step / self._total_steps) * self._costs[self._stage]
        fraction = min(1.0, (self._completed_cost + share) / (sum(self._costs.values()) or 1.0))
        elapsed = self._clock() - self._start_time
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
