"""What a run costs beside the others, for the progress: training passes over one example."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.contracts.examples import DatasetManifest
from core.contracts.jobs import AdaptJob, PretrainJob
from core.errors import InvalidInput
from core.store import Store
from core.tasks.data_split import FORWARD_SHARE
from core.tasks.registry import DATA_SPLITTERS
from core.training.planning import Planner


@dataclass(frozen=True, slots=True)
class Costs:
    """The expected costs of jobs, from the same plans that the jobs will make.

    Attributes:
        store: Holds the datasets.
        source: Of the base.
    """

    store: Store
    source: DatasetManifest
    _loaded: dict[str, Sequence[Any]] = field(default_factory=dict, compare=False, repr=False)

    def of_base(self, job: PretrainJob) -> float:
        """Return the cost of the base."""
        examples = self.source.examples
        passes = job.settings.steps(examples) * min(job.settings.batch_size, examples)
        return passes + self._measuring(job.evaluation_dataset_id)

    def of(self, job: AdaptJob) -> float:
        """Return the cost of an adaptation; of one that cannot be planned only that of measuring."""
        try:
            # At a second a pass, the seconds are the passes: of tuning and measuring, too.
            planned = self._planner(job).plan(job.method, seconds_per_example=1.0).estimated_seconds
        except InvalidInput:
            planned = None
        return planned or self._measuring(job.evaluation_dataset_id)

    def _planner(self, job: AdaptJob) -> Planner[Any]:
        curriculum = DATA_SPLITTERS[job.task]
        split = curriculum.split(
            self._examples(job.dataset_id),
            self._examples(job.evaluation_dataset_id),
            fraction=job.evaluation_fraction,
            seed=job.hyperparameters.seed,
        )
        return Planner(curriculum, split, self.source, job.hyperparameters)

    def _measuring(self, dataset_id: str | None) -> float:
        return FORWARD_SHARE * len(self._examples(dataset_id)) + 1

    def _examples(self, dataset_id: str | None) -> Sequence[Any]:
        if dataset_id is None:
            return ()
        if dataset_id not in self._loaded:
            self._loaded[dataset_id] = self.store.datasets.load(dataset_id)
        return self._loaded[dataset_id]
