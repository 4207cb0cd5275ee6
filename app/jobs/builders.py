"""Jobs built from training requests: examples of the request or of stored datasets, checks, the plan."""

from dataclasses import dataclass

from app.jobs.label_validation import LabelCheck, dataset_faults
from app.schemas.training import AdaptRequest, HeldOut, PretrainRequest
from core.contracts.examples import Example
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.reports import AdaptPlan, CheckpointManifest
from core.contracts.values import BASE, TaskName
from core.errors import Conflict, Fault, InvalidInput, ModelUnavailable
from core.store import Store
from core.tasks.registry import task_spec
from core.training.planning import Planner


@dataclass(frozen=True, slots=True)
class Source:
    """Examples of one role in a job.

    Attributes:
        task: The task.
        language: BCP-47 tag of their language.
        pointer: JSON pointer of the examples in the request.
        examples: The examples of the request; None if it names a dataset.
        dataset: Id of the dataset; None if the request has the examples.
    """

    task: TaskName
    language: str
    pointer: str
    examples: tuple[Example, ...] | None
    dataset: str | None

    def check(self, store: Store, labels: LabelCheck | None) -> list[Fault]:
        """Return the faults: a dataset of another task or language, and unknown labels.

        Args:
            store: Holds the datasets.
            labels: Check against the labels of the base; None to accept any label.

        Raises:
            NotFound: There is no such dataset.
        """
        if self.examples is not None:
            return labels.examples(self.examples, f"{self.pointer}/examples") if labels else []
        assert self.dataset is not None
        manifest = store.datasets.manifest(self.dataset)
        pointer = f"{self.pointer}/dataset"
        faults = dataset_faults(manifest, self.task, self.language, pointer)
        is_of_task = manifest.task == self.task
        return [*faults, *(labels.dataset(manifest, pointer) if labels and is_of_task else [])]

    def load(self, store: Store) -> tuple[Example, ...]:
        """Return the examples."""
        if self.examples is not None:
            return self.examples
        assert self.dataset is not None
        return store.datasets.load(self.dataset)

    def keep(self, store: Store) -> str:
        """Return the id of the dataset, after storing the examples if they came with the request."""
        if self.dataset is not None:
            return self.dataset
        assert self.examples is not None
        return store.datasets.put(self.examples, task=self.task, language=self.language).dataset_id


def _held_out(held_out: HeldOut | None, task: TaskName, language: str) -> Source | None:
    """Return the evaluation examples, or None if a fraction is held out."""
    if held_out is None or held_out.fraction is not None:
        return None
    return Source(task, language, "/evaluation", held_out.examples, held_out.dataset)


def _fraction(held_out: HeldOut | None, job: type[AdaptJob | PretrainJob]) -> float:
    """Return the share to hold out: the request's, or else the default of the job."""
    if held_out is not None and held_out.fraction is not None:
        return held_out.fraction
    return float(job.model_fields["evaluation_fraction"].default)


@dataclass(frozen=True, slots=True)
class Pretraining:
    """A checked request for a base."""

    request: PretrainRequest
    source: Source
    evaluation: Source | None
    encoder: str

    @classmethod
    def checked(cls, request: PretrainRequest, store: Store, *, encoder: str) -> "Pretraining":
        """Check a request against the store.

        Args:
            request: The request.
            store: Holds the datasets.
            encoder: The encoder if the request names none.

        Raises:
            NotFound: It names a dataset that does not exist.
            InvalidInput: It names a dataset of another task or language.
        """
        task, language = request.task, request.source_language
        source = Source(task, language, "", request.examples, request.dataset)
        evaluation = _held_out(request.evaluation, task, language)
        faults = [fault for role in (source, evaluation) if role for fault in role.check(store, None)]
        if faults:
            raise InvalidInput(faults)
        return cls(request, source, evaluation, request.encoder or encoder)

    def job(self, store: Store) -> PretrainJob:
        """Store the examples and return the job."""
        request = self.request
        return PretrainJob(
            task=request.task,
            source_language=request.source_language,
            dataset_id=self.source.keep(store),
            evaluation_dataset_id=self.evaluation.keep(store) if self.evaluation else None,
            encoder=self.encoder,
            settings=request.settings,
            seed=request.seed,
            promote=request.promote,
            evaluation_fraction=_fraction(request.evaluation, PretrainJob),
        )


@dataclass(frozen=True, slots=True)
class Adaptation:
    """A checked request for an adaptation, with its plan."""

    request: AdaptRequest
    base: CheckpointManifest
    source: Source
    evaluation: Source | None
    plan: AdaptPlan

    @classmethod
    def checked(cls, request: AdaptRequest, store: Store) -> "Adaptation":
        """Check a request against the store and the base, and plan it.

        Raises:
            ModelUnavailable: There is no base yet.
            NotFound: It names a base or a dataset that does not exist.
            InvalidInput: Every label that the base does not know; or too few examples.
        """
        task, language = request.task, request.language
        base = find_base(store, task, request.base)
        source = Source(task, language, "", request.examples, request.dataset)
        evaluation = _held_out(request.evaluation, task, language)
        labels = None if request.options().accepts_new_labels else LabelCheck(base)
        faults = [fault for role in (source, evaluation) if role for fault in role.check(store, labels)]
        if faults:
            raise InvalidInput(faults)
        return cls(request, base, source, evaluation, _planned(request, base, source, evaluation, store))

    def job(self, store: Store) -> AdaptJob:
        """Store the examples and return the job."""
        request = self.request
        return AdaptJob(
            task=request.task,
            language=request.language,
            dataset_id=self.source.keep(store),
            evaluation_dataset_id=self.evaluation.keep(store) if self.evaluation else None,
            base_id=self.base.checkpoint_id,
            method=request.method,
            baselines=request.baselines,
            hyperparameters=request.hyperparameters,
            promote=request.promote,
            options=request.options(),
            evaluation_fraction=_fraction(request.evaluation, AdaptJob),
        )


def find_base(store: Store, task: TaskName, checkpoint_id: str | None) -> CheckpointManifest:
    """Return the base that a request names, or the one that serves.

    Raises:
        ModelUnavailable: None is named and none serves.
        NotFound: The named checkpoint does not exist.
        Conflict: The checkpoint names no source data, so nothing can be adapted from it.
    """
    if checkpoint_id is None:
        live = store.deployments.live(task, BASE)
        if live is None:
            raise ModelUnavailable(f"there is no base for {task} yet: POST /pretrain makes one")
        checkpoint_id = live.checkpoint_id
    manifest = store.checkpoints.manifest(task, checkpoint_id)
    if "source" not in manifest.dataset_ids:
        raise Conflict(f"checkpoint {checkpoint_id} names no source data, so nothing can be adapted from it")
    return manifest


def _planned(
    request: AdaptRequest, base: CheckpointManifest, source: Source, evaluation: Source | None, store: Store
) -> AdaptPlan:
    """Return the plan that the worker will follow."""
    splitter = task_spec(request.task).data_splitter
    split = splitter.split(
        source.load(store),
        evaluation.load(store) if evaluation else None,
        fraction=_fraction(request.evaluation, AdaptJob),
        seed=request.hyperparameters.seed,
    )
    source_data = store.datasets.manifest(base.dataset_ids["source"])
    planner = Planner(splitter, split, source_data, request.hyperparameters)
    return planner.plan(request.method, seconds_per_example=base.seconds_per_example)
