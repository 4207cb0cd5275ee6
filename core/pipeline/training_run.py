"""What an adaptation is made from, and the training of one model on it."""

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
from core.tasks.engine import Episode, EpisodeSource, ExampleEmbeddings, Task, TaskLearner
from core.tasks.engines import TASKS
from core.tasks.registry import DATA_SPLITTERS
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
from core.training.sparse_embeddings import used_rows


@dataclass(frozen=True, slots=True)
class Material:
    """All that every model of one job is made from and measured on.

    Attributes:
        job: What was asked for.
        base: The checkpoint every method starts from.
        source: Source-language examples for the support sets of meta-train.
        planner: The target's data, and what each method does with it.
        plan: What will be done.
    """

    job: AdaptJob
    base: CheckpointManifest
    source: tuple[Any, ...]
    planner: Planner[Any]
    plan: AdaptPlan


def gather(job: AdaptJob, context: JobContext) -> Material:
    """Load base, target and source data, and plan.

    Raises:
        NotFound: A dataset or the base is not in the store.
        InvalidInput: There is too little to learn from or to measure on.
    """
    datasets, curriculum = context.store.datasets, DATA_SPLITTERS[job.task]
    base = context.store.checkpoints.manifest(job.task, job.base_id)
    held, source_id = job.evaluation_dataset_id, base.dataset_ids["source"]
    split = curriculum.split(
        datasets.load(job.dataset_id),
        None if held is None else datasets.load(held),
        fraction=job.evaluation_fraction,
        seed=job.hyperparameters.seed,
    )
    planner = Planner(curriculum, split, datasets.manifest(source_id), job.hyperparameters)
    plan = planner.plan(job.method, seconds_per_example=base.seconds_per_example)
    return Material(job, base, curriculum.source_pool(datasets.load(source_id)), planner, plan)


def load_base(material: Material, context: JobContext) -> TaskLearner[Any, Any]:
    """Return a fresh learner with the base's weights."""
    return open_checkpoint(context.store, material.base, device=context.device)


def load_start(method: Method, material: Material, context: JobContext) -> TaskLearner[Any, Any]:
    """Return what a method starts from: the base, or for MONO its encoder with new heads."""
    if method is not Method.MONO:
        return load_base(material, context)
    learner: TaskLearner[Any, Any] = TASKS[material.job.task].new_learner(
        load_encoder(material.base.encoder),
        material.planner.split.train,
        device=context.device,
        seed=material.job.hyperparameters.seed,
    )
    return learner


def train(
    learner: TaskLearner[Any, Any],
    method: Method,
    material: Material,
    *,
    embeddings: ExampleEmbeddings[Any],
    tracker: ProgressTracker,
) -> None:
    """Run a method's stages on a learner that holds the base's weights.

    Args:
        learner: Trained in place.
        method: The recipe.
        material: Data and settings.
        embeddings: Asked if the task's episodes are of examples that are alike.
        tracker: Knows the stages of the method.
    """
    task, split = TASKS[material.job.task], material.planner.split
    if material.job.extend_labels:
        task.extend(learner, split.train)
    stages = material.planner.steps(method)
    target = learner.features(split.train)
    source = [] if WITH_SOURCE.isdisjoint(stages) else learner.features(material.source)
    settings = material.planner.hyperparameters
    set_trainable(learner.body, settings.trainable, seed=settings.seed)
    if settings.trainable is Trainable.HEADS:
        target, source = learner.with_encoder_states(target), learner.with_encoder_states(source)
    with used_rows(learner.body, learner.token_ids([*target, *source])):
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
    task: Task[Any, Any, Any], source_data: EpisodeSource[Any, Any], stages: Collection[str]
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
