"""What an adaptation is made from, and the training of one model on it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.checkpoints import read_checkpoint
from core.contracts.examples import MtodExample
from core.contracts.jobs import AdaptJob
from core.contracts.reports import AdaptPlan, CheckpointManifest
from core.contracts.values import Method
from core.learning.planning import (
    FINE_TUNE,
    META_TRAIN,
    Split,
    episode_settings,
    plan_adaptation,
    split_examples,
    stage_costs,
    stage_steps,
)
from core.learning.recipes import ft, x_metra_ada
from core.learning.rows import used_rows
from core.pipeline.outcome import Workbench
from core.progress import ProgressTracker
from core.tasks.mtod.episodes import by_intent, cross_lingual_episodes, within_language_episodes
from core.tasks.mtod.features import Features
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.learner import MtodLearner
from core.tasks.task import Episode

SOURCE_POOL = 500
"""Source examples an intent that episodes draw from: tokenising tens of thousands more buys nothing."""


@dataclass(frozen=True, slots=True)
class Material:
    """All that every model of one job is made from and measured on.

    Attributes:
        job: What was asked for.
        base: The checkpoint every method starts from.
        split: The target's data.
        source: Source-language examples for the support sets of meta-train.
        plan: What will be done.
    """

    job: AdaptJob
    base: CheckpointManifest
    split: Split
    source: tuple[MtodExample, ...]
    plan: AdaptPlan

    def costs(self, method: Method) -> dict[str, float]:
        """Return the stages of a method in order, each with its training passes over one example."""
        return stage_costs(self.split, _intents(self.source), method, self.job.hyperparameters)

    def steps(self, method: Method) -> dict[str, int]:
        """Return the stages of a method in order, each with its optimiser steps."""
        return stage_steps(self.split, _intents(self.source), method, self.job.hyperparameters)


def gather(job: AdaptJob, bench: Workbench) -> Material:
    """Load base, target and source data, and plan.

    Raises:
        NotFound: A dataset or the base is not in the store.
        InvalidInput: There is too little to learn from or to measure on.
    """
    base = bench.store.checkpoints.manifest(job.task, job.base_id)
    held = job.evaluation_dataset_id
    split = split_examples(
        bench.store.datasets.load(job.dataset_id),
        None if held is None else bench.store.datasets.load(held),
        fraction=job.evaluation_fraction,
        seed=job.hyperparameters.seed,
    )
    source = _first_of_each_intent(bench.store.datasets.load(base.dataset_ids["source"]))
    plan = plan_adaptation(
        split,
        source_intents=_intents(source),
        method=job.method,
        hyperparameters=job.hyperparameters,
        seconds_per_example=base.seconds_per_example,
    )
    return Material(job, base, split, source, plan)


def load_base(material: Material, bench: Workbench) -> MtodLearner:
    """Return a fresh learner with the base's weights."""
    folder = bench.store.checkpoints.fetch(material.job.task, material.base.checkpoint_id)
    return read_checkpoint(folder, material.base, device=bench.device)


def train(learner: MtodLearner, method: Method, material: Material, tracker: ProgressTracker) -> None:
    """Run a method's stages on a learner that holds the base's weights.

    Args:
        learner: Trained in place.
        method: The recipe.
        material: Data and settings.
        tracker: Knows the stages of the method.
    """
    if material.job.extend_labels:
        learner.extend_labels(LabelSet.of(material.split.train))
    steps = material.steps(method)
    target = learner.features(material.split.train)
    source = learner.features(material.source) if META_TRAIN in steps else []
    with used_rows(learner.network.encoder, learner.token_ids([*target, *source])):
        if FINE_TUNE in steps:
            ft(learner, target, material.job.hyperparameters, tracker=tracker)
        if META_TRAIN in steps:
            meta_train, meta_adapt = _episodes(material, target, source)
            x_metra_ada(
                learner,
                meta_train,
                meta_adapt,
                material.job.hyperparameters,
                steps=steps,
                tracker=tracker,
            )


def _episodes(
    material: Material, target: Sequence[Features], source: Sequence[Features]
) -> tuple[Iterator[Episode[Features]], Iterator[Episode[Features]]]:
    """Return the episodes of meta-train and of meta-adapt."""
    split, hyperparameters = material.split, material.job.hyperparameters
    settings = episode_settings(hyperparameters.meta, split)
    meta_train = cross_lingual_episodes(
        by_intent(material.source, source),
        _pool(split.train, target, split.pools.meta_train),
        k_shot=settings.k_shot,
        q_shot=settings.q_shot,
        seed=hyperparameters.seed,
    )
    meta_adapt = within_language_episodes(
        _pool(split.train, target, split.pools.meta_adapt),
        k_shot=settings.k_shot,
        q_shot=settings.q_shot,
        seed=hyperparameters.seed + 1,
    )
    return meta_train, meta_adapt


def _pool(
    examples: Sequence[MtodExample], features: Sequence[Features], indices: Sequence[int]
) -> dict[str, list[Features]]:
    return by_intent([examples[index] for index in indices], [features[index] for index in indices])


def _first_of_each_intent(examples: Sequence[MtodExample]) -> tuple[MtodExample, ...]:
    """Keep the first `SOURCE_POOL` distinct examples of each intent, in the dataset's order."""
    kept: dict[str, dict[str, MtodExample]] = defaultdict(dict)
    for example in examples:
        if len(kept[example.intent]) < SOURCE_POOL:
            kept[example.intent].setdefault(example.text, example)
    return tuple(example for group in kept.values() for example in group.values())


def _intents(examples: Sequence[MtodExample]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for example in examples:
        counts[example.intent] += 1
    return dict(counts)
