"""Training runs of an adaptation: gathering the data, and training one model on it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from core.checkpoints import open_checkpoint
from core.contracts.jobs import AdaptJob
from core.contracts.reports import AdaptPlan, CheckpointManifest
from core.contracts.values import Method, Trainable
from core.encoders.loading import load_encoder
from core.pipeline.job_context import JobContext
from core.progress import ProgressTracker
from core.tasks.engine import Episode, EpisodeSource, ExampleEmbeddings, TaskEngine, TaskLearner
from core.tasks.engines import task_engine
from core.tasks.registry import task_spec
from core.training.adapters import set_trainable
from core.training.methods import StageData, interleaved, run_stages
from core.training.planning import (
    INTERLEAVED,
    META_ADAPT,
    META_STAGES,
    META_TRAIN,
    WITH_SOURCE,
    Planner,
)
from core.training.sparse_embeddings import restricted_embeddings


@dataclass(frozen=True, slots=True)
class Material:
    """Data and plan that all models of one job share.

    Attributes:
        job: The job.
        base: Manifest of the checkpoint that every method starts from.
        source: Source-language examples for the support sets of meta-train.
        planner: The target's data split, and the stages of each method on it.
        plan: The plan of the job.
    """

    job: AdaptJob
    base: CheckpointManifest
    source: tuple[Any, ...]
    planner: Planner[Any]
    plan: AdaptPlan


def gather(job: AdaptJob, context: JobContext) -> Material:
    """Load base, target and source data, and plan.

    Raises:
        NotFound: A dataset or the base does not exist.
        InvalidInput: There are too few examples to train on or to measure on.
    """
    datasets, splitter = context.store.datasets, task_spec(job.task).data_splitter
    base = context.store.checkpoints.manifest(job.task, job.base_id)
    evaluation_id, source_id = job.evaluation_dataset_id, base.dataset_ids["source"]
    split = splitter.split(
        datasets.load(job.dataset_id),
        None if evaluation_id is None else datasets.load(evaluation_id),
        fraction=job.evaluation_fraction,
        seed=job.hyperparameters.seed,
    )
    planner = Planner(splitter, split, datasets.manifest(source_id), job.hyperparameters)
    plan = planner.plan(job.method, seconds_per_example=base.seconds_per_example)
    return Material(job, base, splitter.source_pool(datasets.load(source_id)), planner, plan)


def load_base(material: Material, context: JobContext) -> TaskLearner[Any, Any]:
    """Return a fresh learner with the base's weights."""
    return open_checkpoint(context.store, material.base, device=context.device)


def load_start(method: Method, material: Material, context: JobContext) -> TaskLearner[Any, Any]:
    """Return the learner that a method starts from: the base, or for MONO its encoder with new heads."""
    if method is not Method.MONO:
        return load_base(material, context)
    learner: TaskLearner[Any, Any] = task_engine(material.job.task).new_learner(
        load_encoder(material.base.encoder),
        material.planner.split.train,
        device=context.device,
        seed=material.job.hyperparameters.seed,
    )
    return learner


def example_embeddings(
    material: Material, context: JobContext, tracker: ProgressTracker
) -> ExampleEmbeddings[Any] | None:
    """Return the sentence vectors for sampling episodes; None if the task samples them by label."""
    return task_engine(material.job.task).example_embeddings(
        material.job.options, vectors=context.store.vectors, device=context.device, tracker=tracker
    )


def train(
    learner: TaskLearner[Any, Any],
    method: Method,
    material: Material,
    *,
    embeddings: ExampleEmbeddings[Any] | None,
    tracker: ProgressTracker,
) -> None:
    """Run a method's stages on a learner that holds the base's weights.

    Args:
        learner: Trained in place.
        method: The method.
        material: Data and settings.
        embeddings: Sentence vectors, if the task samples episodes of similar examples.
        tracker: Progress of the stages.
    """
    task, split = task_engine(material.job.task), material.planner.split
    task.prepare(learner, split.train, material.job.options)
    stages = material.planner.steps(method)
    target = learner.features(split.train)
    source = [] if WITH_SOURCE.isdisjoint(stages) else learner.features(material.source)
    settings = material.planner.hyperparameters
    set_trainable(learner.body, settings.trainable, seed=settings.seed)
    if settings.trainable is Trainable.HEADS:
        target, source = learner.with_encoder_states(target), learner.with_encoder_states(source)
    with restricted_embeddings(learner.body, learner.token_ids([*target, *source])):
        episodes = {}
        if not META_STAGES.isdisjoint(stages):
            source_data = EpisodeSource(
                source=material.source,
                source_features=source,
                split=material.planner.split_for(method),
                target_features=target,
                meta_train=material.planner.meta_train(method),
                meta_adapt=material.planner.meta_adapt(),
                seed=settings.seed,
                embeddings=embeddings,
            )
            episodes = _episodes(task, source_data, stages)
        run_stages(learner, stages, StageData(target, source, episodes), settings, tracker=tracker)


def _episodes(
    task: TaskEngine[Any, Any, Any], source_data: EpisodeSource[Any, Any], stages: Collection[str]
) -> dict[str, Iterator[Episode[Any]]]:
    """Return the episodes of each meta stage."""
    episodes = {}
    if META_TRAIN in stages:
        episodes[META_TRAIN] = task.meta_train_episodes(source_data)
    if META_ADAPT in stages:
        episodes[META_ADAPT] = task.meta_adapt_episodes(source_data)
    if INTERLEAVED in stages:
        episodes[INTERLEAVED] = interleaved(
            task.meta_train_episodes(source_data), task.meta_adapt_episodes(source_data)
        )
    return episodes
