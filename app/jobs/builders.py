"""The examples a job is made from: brought with the request, or in the store already."""

from dataclasses import dataclass

from app.jobs.label_validation import LabelCheck, dataset_faults
from app.schemas.training import AdaptRequest, HeldOut, MtodAdaptRequest, PretrainRequest, QaAdaptRequest
from core.contracts.examples import Example, MtodExample
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.reports import AdaptPlan, CheckpointManifest
from core.contracts.values import TaskName
from core.errors import Conflict, Fault, InvalidInput, ModelUnavailable
from core.store import Store
from core.store.names import BASE
from core.tasks.registry import DATA_SPLITTERS
from core.training.planning import Planner


@dataclass(frozen=True, slots=True)
class Source:
    """Examples of one role in a job.

    Attributes:
        pointer: Where the request has them.
        examples: Those that came with the request; None if they are stored.
        dataset: The id of those that are stored.
    """

    task: TaskName
    language: str
    pointer: str
    examples: tuple[Example, ...] | None
    dataset: str | None

    def check(self, store: Store, labels: LabelCheck | None) -> list[Fault]:
        """Return the faults: another task or language, labels that nobody knows.

        Args:
            store: Where stored ones are looked up.
            labels: The labels to hold them against; None to take any.

        Raises:
            NotFound: There is no such dataset.
        """
        if self.examples is not None:
            utterances = [one for one in self.examples if isinstance(one, MtodExample)]
            return labels.examples(utterances, f"{self.pointer}/examples") if labels else []
        assert self.dataset is not None
        manifest = store.datasets.manifest(self.dataset)
        pointer = f"{self.pointer}/dataset"
        faults = dataset_faults(manifest, self.task, self.language, pointer)
        return [*faults, *(labels.dataset(manifest, pointer) if labels else [])]

    def load(self, store: Store) -> tuple[Example, ...]:
        """Return the examples."""
        if self.examples is not None:
            return self.examples
        assert self.dataset is not None
        return store.datasets.load(self.dataset)

    def keep(self, store: Store) -> str:
        """Return the id under which they are stored, storing them first if they came with the request."""
        if self.dataset is not None:
            return self.dataset
        assert self.examples is not None
        return store.datasets.put(self.examples, task=self.task, language=self.language).dataset_id


def _held_out(held: HeldOut | None, task: TaskName, language: str) -> Source | None:
    """Return the evaluation examples, or None where a fraction is held out."""
    if held is None or held.fraction is not None:
        return None
    return Source(task, language, "/evaluation", held.examples, held.dataset)


def _fraction(held: HeldOut | None, job: type[AdaptJob | PretrainJob]) -> float:
    """Return the share to hold out: the one asked for, or else the job's own default."""
    if held is not None and held.fraction is not None:
        return held.fraction
    return float(job.model_fields["evaluation_fraction"].default)


@dataclass(frozen=True, slots=True)
class Pretraining:
    """A base to be made, checked."""

    request: PretrainRequest
    source: Source
    evaluation: Source | None
    encoder: str

    @classmethod
    def checked(cls, request: PretrainRequest, store: Store, *, encoder: str) -> "Pretraining":
        """Check a request against the store.

        Args:
            request: What is asked for.
            store: Where its datasets are looked up.
            encoder: What a request that names none gets.

        Raises:
            NotFound: It names a dataset that is not there.
            InvalidInput: It names one of another language.
        """
        task, language = request.task, request.source_language
        source = Source(task, language, "", request.examples, request.dataset)
        evaluation = _held_out(request.evaluation, task, language)
        faults = [fault for one in (source, evaluation) if one for fault in one.check(store, None)]
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
    """An adaptation, checked and planned."""

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
            NotFound: It names a base or a dataset that is not there.
            InvalidInput: Every label that the base does not know; or too few examples.
        """
        task, language = request.task, request.language
        base = find_base(store, task, request.base)
        source = Source(task, language, "", request.examples, request.dataset)
        evaluation = _held_out(request.evaluation, task, language)
        labels = LabelCheck(base) if _labels_are_checked(request) else None
        faults = [fault for one in (source, evaluation) if one for fault in one.check(store, labels)]
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
            extend_labels=isinstance(request, MtodAdaptRequest) and request.extend_labels,
            evaluation_fraction=_fraction(request.evaluation, AdaptJob),
            **({"similarity": request.similarity} if isinstance(request, QaAdaptRequest) else {}),
        )


def _labels_are_checked(request: AdaptRequest) -> bool:
    """Whether a label that the base does not know is a slip of the pen."""
    return isinstance(request, MtodAdaptRequest) and not request.extend_labels


def find_base(store: Store, task: TaskName, wanted: str | None) -> CheckpointManifest:
    """Return the base a request names, or the one that is live.

    Raises:
        ModelUnavailable: None is named and none is live.
        NotFound: There is none of that name.
        Conflict: It was not made from source data, and so cannot be started from.
    """
    if wanted is None:
        live = store.deployments.live(task, BASE)
        if live is None:
            raise ModelUnavailable(f"there is no base for {task} yet: POST /pretrain makes one")
        wanted = live.checkpoint_id
    manifest = store.checkpoints.manifest(task, wanted)
    if "source" not in manifest.dataset_ids:
        raise Conflict(f"checkpoint {wanted} names no source data, so nothing can be adapted from it")
    return manifest


def _planned(
    request: AdaptRequest, base: CheckpointManifest, source: Source, evaluation: Source | None, store: Store
) -> AdaptPlan:
    """Plan exactly what the worker will do."""
    curriculum = DATA_SPLITTERS[request.task]
    split = curriculum.split(
        source.load(store),
        evaluation.load(store) if evaluation else None,
        fraction=_fraction(request.evaluation, AdaptJob),
        seed=request.hyperparameters.seed,
    )
    learnt_from = store.datasets.manifest(base.dataset_ids["source"])
    planner = Planner(curriculum, split, learnt_from, request.hyperparameters)
    return planner.plan(request.method, seconds_per_example=base.seconds_per_example)
