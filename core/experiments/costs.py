"""Relative costs of runs for the progress, in training passes over one example."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.contracts.examples import DatasetManifest
from core.contracts.jobs import AdaptJob, PretrainJob
from core.errors import InvalidInput
from core.store import Store
from core.tasks.data_split import FORWARD_SHARE
from core.tasks.registry import task_spec
from core.training.planning import Planner


@dataclass(frozen=True, slots=True)
class Costs:
    """Expected costs of jobs, computed from the same plans that the jobs make.

    Attributes:
        store: Store with the datasets.
        source: Manifest of the base's training data.
    """

    store: Store
    source: DatasetManifest
    _loaded: dict[str, Sequence[Any]] = field(default_factory=dict, compare=False, repr=False)

    def base_cost(self, job: PretrainJob) -> float:
        """Return the cost of training and evaluating the base."""
        examples = self.source.examples
        passes = job.settings.steps(examples) * min(job.settings.batch_size, examples)
        return passes + self._evaluation_cost(job.evaluation_dataset_id)

    def adapt_cost(self, job: AdaptJob) -> float:
        """Return the cost of an adaptation, or that of its evaluation if the adaptation cannot be planned."""
        try:
            # With one second per pass, the estimate is the number of passes, including tuning and evaluation.
            passes = self._planner(job).plan(job.method, seconds_per_example=1.0).estimated_seconds
        except InvalidInput:
            passes = None
        return passes or self._evaluation_cost(job.evaluation_dataset_id)

    def _planner(self, job: AdaptJob) -> Planner[Any]:
        splitter = task_spec(job.task).data_splitter
        split = splitter.split(
            self._examples(job.dataset_id),
            self._examples(job.evaluation_dataset_id),
            fraction=job.evaluation_fraction,
            seed=job.hyperparameters.seed,
        )
        return Planner(splitter, split, self.source, job.hyperparameters)

    def _evaluation_cost(self, dataset_id: str | None) -> float:
        return FORWARD_SHARE * len(self._examples(dataset_id)) + 1

    def _examples(self, dataset_id: str | None) -> Sequence[Any]:
        if dataset_id is None:
            return ()
        if dataset_id not in self._loaded:
            self._loaded[dataset_id] = self.store.datasets.load(dataset_id)
        return self._loaded[dataset_id]
