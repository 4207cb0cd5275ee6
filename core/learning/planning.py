"""What an adaptation will do, decided and told before it starts. Torch-free, for `dry_run`."""

import math
from dataclasses import dataclass
from typing import Generic

from core.contracts.examples import DatasetManifest
from core.contracts.jobs import FineTuneSettings, Hyperparameters, MetaSettings
from core.contracts.reports import AdaptPlan, StagePlan
from core.contracts.values import Method
from core.tasks.curriculum import FORWARD_SHARE, Curriculum, ExampleT, Sides, Split
from core.tasks.shots import minibatch_count

FINE_TUNE = "fine-tune"
META_TRAIN = "meta-train"
META_ADAPT = "meta-adapt"


@dataclass(frozen=True, slots=True)
class Planner(Generic[ExampleT]):
    """Plans every method on the same data.

    Attributes:
        curriculum: What the task makes of its data.
        split: The parted data.
        source: The base's source data.
        hyperparameters: Rates, shots and steps.
    """

    curriculum: Curriculum[ExampleT]
    split: Split[ExampleT]
    source: DatasetManifest
    hyperparameters: Hyperparameters

    def plan(self, method: Method, *, seconds_per_example: float | None = None) -> AdaptPlan:
        """Tell what an adaptation will do.

        Args:
            method: How the language is learnt.
            seconds_per_example: What the base's training took for one example, for the estimate.
        """
        split = self.split
        passes = sum(self.costs(method).values()) + 2 * FORWARD_SHARE * len(split.evaluation)
        return AdaptPlan(
            method=method,
            train=len(split.train),
            evaluation=len(split.evaluation),
            stages=tuple(stage for stage, _ in self._stages(method)),
            warnings=tuple(self.curriculum.warnings(split, self.source, method)),
            estimated_seconds=None if seconds_per_example is None else round(passes * seconds_per_example, 1),
        )

    def costs(self, method: Method) -> dict[str, float]:
        """Return stage → training passes over one example, for progress and estimates."""
        stages = self._stages(method)
        has_episodes = any(stage.episodes for stage, _ in stages)
        prepared = self.curriculum.preparation(self.split, self.source) if has_episodes else {}
        return {**prepared, **{stage.name: cost for stage, cost in stages}}

    def steps(self, method: Method) -> dict[str, int]:
        """Return stage → optimiser steps, in the order they run."""
        return {stage.name: stage.steps for stage, _ in self._stages(method)}

    def meta_train(self) -> Sides:
        """Return the episodes of meta-train."""
        return self.curriculum.meta_train(self.split, self.source, self.hyperparameters.meta)

    def meta_adapt(self) -> Sides:
        """Return the episodes of meta-adapt."""
        return self.curriculum.meta_adapt(self.split, self.hyperparameters.meta)

    def _stages(self, method: Method) -> list[tuple[StagePlan, float]]:
        """Return the stages in order, each with its cost."""
        examples = len(self.split.train)
        supported = self.curriculum.supported(self.split, self.source)
        fine_tune = _fine_tune_stage(examples, self.hyperparameters.fine_tune)
        if method is Method.FT or not supported:
            return [fine_tune]
        # Heads know nothing of a new kind: without a plain start its episodes would be noise.
        start = [] if supported == examples else [fine_tune]
        return [*start, self._meta_train_stage(), self._meta_adapt_stage()]

    def _meta_train_stage(self) -> tuple[StagePlan, float]:
        """Plan meta-train."""
        sides, meta = self.meta_train(), self.hyperparameters.meta
        steps = meta.meta_train_steps or meta.steps(sides.examples, sides.query, least=meta.min_steps)
        return _meta_stage(META_TRAIN, steps, sides, meta)

    def _meta_adapt_stage(self) -> tuple[StagePlan, float]:
        """Plan meta-adapt."""
        sides, meta = self.meta_adapt(), self.hyperparameters.meta
        least = math.ceil(meta.min_steps * sides.examples / len(self.split.pools.meta_train))
        steps = meta.meta_adapt_steps or meta.steps(sides.examples, sides.query, least=least)
        return _meta_stage(META_ADAPT, steps, sides, meta)


def _meta_stage(name: str, steps: int, sides: Sides, meta: MetaSettings) -> tuple[StagePlan, float]:
    """Return a stage of so many steps, and its training passes over one example."""
    episodes = steps * meta.meta_batch_size
    plan = StagePlan(
        name=name,
        steps=steps,
        examples=sides.examples,
        episodes=episodes,
        k_shot=sides.k_shot,
        q_shot=sides.q_shot,
    )
    learnt = sides.support * meta.inner_steps / minibatch_count(sides.support, meta.inner_steps)
    return plan, episodes * (learnt + sides.query)


def _fine_tune_stage(examples: int, settings: FineTuneSettings) -> tuple[StagePlan, float]:
    steps = settings.steps(examples)
    plan = StagePlan(name=FINE_TUNE, steps=steps, examples=examples)
    return plan, float(steps * min(settings.batch_size, examples))
