"""What an adaptation is made from, and the training of one model on it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from core.checkpoints import open_checkpoint
from core.contracts.jobs import AdaptJob
from core.contracts.reports import AdaptPlan, CheckpointManifest
from core.contracts.values import Method, Trainable
from core.encoders import load_encoder
from core.learning.adapters import restrict
from core.learning.planning import (
    INTERLEAVED,
    META_ADAPT,
    META_STAGES,
    META_TRAIN,
    WITH_SOURCE,
    Planner,
)
from core.learning.recipes import Lessons, interleaved, run_stages
from core.learning.rows import used_rows
from core.pipeline.outcome import Workbench
from core.progress import ProgressTracker
from core.tasks.curricula import CURRICULA
from core.tasks.table import TASKS
from core.tasks.task import Drawing, Episode, Likeness, Task, TaskLearner


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


def gather(job: AdaptJob, bench: Workbench) -> Material:
    """Load base, target and source data, and plan.

    Raises:
        NotFound: A dataset or the base is not in the store.
        InvalidInput: There is too little to learn from or to measure on.
    """
    datasets, curriculum = bench.store.datasets, CURRICULA[job.task]
    base = bench.store.checkpoints.manifest(job.task, job.base_id)
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


def load_base(material: Material, bench: Workbench) -> TaskLearner[Any, Any]:
    """Return a fresh learner with the base's weights."""
    return open_checkpoint(bench.store, material.base, device=bench.device)


def load_start(method: Method, material: Material, bench: Workbench) -> TaskLearner[Any, Any]:
    """Return what a method starts from: the base, or for MONO its encoder with new heads."""
    if method is not Method.MONO:
        return load_base(material, bench)
    learner: TaskLearner[Any, Any] = TASKS[material.job.task].new_learner(
        load_encoder(material.base.encoder),
        material.planner.split.train,
        device=bench.device,
        seed=material.job.hyperparameters.seed,
    )
    return learner


def train(
    learner: TaskLearner[Any, Any],
    method: Method,
    material: Material,
    *,
    likeness: Likeness[Any],
    tracker: ProgressTracker,
) -> None:
    """Run a method's stages on a learner that holds the base's weights.

    Args:
        learner: Trained in place.
        method: The recipe.
        material: Data and settings.
        likeness: Asked if the task's episodes are of examples that are alike.
        tracker: Knows the stages of the method.
    """
    task, split = TASKS[material.job.task], material.planner.split
    if material.job.extend_labels:
        task.extend(learner, split.train)
    stages = material.planner.steps(method)
    target = learner.features(split.train)
    source = [] if WITH_SOURCE.isdisjoint(stages) else learner.features(material.source)
    settings = material.planner.hyperparameters
    restrict(learner.body, settings.trainable, seed=settings.seed)
    if settings.trainable is Trainable.HEADS:
        target, source = learner.with_states(target), learner.with_states(source)
    with used_rows(learner.body, learner.token_ids([*target, *source])):
        episodes = {}
        if not META_STAGES.isdisjoint(stages):
            drawing = Drawing(
                source=material.source,
                source_features=source,
                split=material.planner.split_for(method),
                target_features=target,
                meta_train=material.planner.meta_train(method),
                meta_adapt=material.planner.meta_adapt(),
                seed=settings.seed,
                likeness=likeness,
            )
            episodes = _episodes(task, drawing, stages)
        run_stages(learner, stages, Lessons(target, source, episodes), settings, tracker=tracker)


def _episodes(
    task: Task[Any, Any, Any], drawing: Drawing[Any, Any], stages: Collection[str]
) -> dict[str, Iterator[Episode[Any]]]:
    """Return the episodes of each meta stage."""
    episodes = {}
    if META_TRAIN in stages:
        episodes[META_TRAIN] = task.meta_train_episodes(drawing)
    if META_ADAPT in stages:
        episodes[META_ADAPT] = task.meta_adapt_episodes(drawing)
    if INTERLEAVED in stages:
        episodes[INTERLEAVED] = interleaved(
            task.meta_train_episodes(drawing), task.meta_adapt_episodes(drawing)
        )
    return episodes
