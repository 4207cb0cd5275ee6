"""Metering of a job's training: steps and seconds per stage."""

import time
from collections.abc import Callable

from core.contracts.jobs import Progress
from core.contracts.values import TaskName
from core.jobqueue.counters import StageKey, StageTotals, TrainingTotals


class Meter:
    """Accumulates the training steps of one job until they have been reported.

    A training step is one with a loss; evaluating a model or comparing questions has none.

    Args:
        task: The job's task.
        clock: Returns seconds; replaced by tests.
    """

    def __init__(self, task: TaskName, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._task = task
        self._clock = clock
        self._latest, self._latest_at = Progress(), clock()
        self._pending: dict[StageKey, StageTotals] = {}

    @property
    def pending(self) -> TrainingTotals:
        """The training since the last `clear`."""
        return self._pending

    def record(self, progress: Progress) -> None:
        """Add the progress of a step; to be called for every step."""
        previous, previous_at = self._latest, self._latest_at
        self._latest, self._latest_at = progress, self._clock()
        if not any(name.endswith("loss") for name in progress.metrics):
            return
        is_continued = progress.stage == previous.stage and progress.step >= previous.step
        stage = (self._task, stage_name(progress.stage))
        totals = self._pending.get(stage, StageTotals())
        self._pending[stage] = StageTotals(
            steps=totals.steps + progress.step - (previous.step if is_continued else 0),
            seconds=totals.seconds + (self._latest_at - previous_at if is_continued else 0.0),
        )

    def clear(self) -> None:
        """Discard the pending training, after it has been reported."""
        self._pending = {}


def stage_name(stage: str) -> str:
    """Return the stage without its model: ``fine-tune`` for ``ft: tune 3: fine-tune``.

    Each stage is a time series, so there must be few.
    """
    return stage.rpartition(": ")[2]
