"""What a job trains: the steps of each stage, and the seconds they take."""

import time
from collections.abc import Callable

from core.contracts.jobs import Progress
from core.contracts.values import TaskName
from core.jobqueue.counters import Trained, TrainedStage, Training


class Meter:
    """Counts the training of one job, until somebody has taken it down.

    A step of training is one that has a loss: measuring a model, or comparing questions, has none.

    Args:
        task: Of the job.
        clock: Seconds, for the tests.
    """

    def __init__(self, task: TaskName, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._task = task
        self._clock = clock
        self._latest, self._moment = Progress(), clock()
        self._pending: dict[TrainedStage, Trained] = {}

    @property
    def pending(self) -> Training:
        """What was trained and not yet taken down."""
        return self._pending

    def note(self, progress: Progress) -> None:
        """Take in how far the job is; called for every step."""
        before, began = self._latest, self._moment
        self._latest, self._moment = progress, self._clock()
        if not any(name.endswith("loss") for name in progress.metrics):
            return
        goes_on = progress.stage == before.stage and progress.step >= before.step
        stage = (self._task, stage_name(progress.stage))
        done = self._pending.get(stage, Trained())
        self._pending[stage] = Trained(
            steps=done.steps + progress.step - (before.step if goes_on else 0),
            seconds=done.seconds + (self._moment - began if goes_on else 0.0),
        )

    def clear(self) -> None:
        """Begin anew: what was pending is taken down."""
        self._pending = {}


def stage_name(stage: str) -> str:
    """Return a stage without the model it is of, for there are few stages: ``ft: tune 3: fine-tune``."""
    return stage.rpartition(": ")[2]
