"""What an adaptation will do, decided and told before it starts. Torch-free, for `dry_run`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Generic

from core.contracts.examples import DatasetManifest
from core.contracts.hyperparameters import FineTuneSettings, Hyperparameters, MetaSettings, Schedule
from core.contracts.reports import AdaptPlan, StagePlan
from core.contracts.values import Method
from core.tasks.data_split import FORWARD_SHARE, DataSplitter, EpisodeShape, ExampleT, Pools, Split
from core.tasks.shots import minibatch_count
from core.training.tuning_grid import HELD_SHARE, TRIALS_COST

FINE_TUNE = "fine-tune"
JOINT = "fine-tune with source"
META_TRAIN = "meta-train"
META_ADAPT = "meta-adapt"
INTERLEAVED = "meta-train with meta-adapt"

STAGES: Final[Mapping[Method, tuple[str, ...]]] = {
    Method.MONO: (FINE_TUNE,),
    Method.FT: (FINE_TUNE,),
    Method.FT_EN: (JOINT,),
    Method.X_METRA: (META_TRAIN,),
    Method.X_METRA_ADA: (META_TRAIN, META_ADAPT),
}
"""Method → its stages, in the order they run."""

META_STAGES: Final = frozenset({META_TRAIN, META_ADAPT, INTERLEAVED})
"""Stages that learn from episodes."""

WITH_SOURCE: Final = frozenset({JOINT, META_TRAIN, INTERLEAVED})
"""Stages that learn from source examples, too."""


@dataclass(frozen=True, slots=True)
class Planner(Generic[ExampleT]):
    """Plans every method on the same data.

    Attributes:
        curriculum: What the task makes of its data.
        split: The parted data.
        source: The base's source data.
        hyperparameters: Rates, shots and steps.
    """

    curriculum: DataSplitter[ExampleT]
    split: Split[ExampleT]
    source: DatasetManifest
    hyperparameters: Hyperparameters

    def plan(self, method: Method, *, seconds_per_example: float | None = None) -> AdaptPlan:
        """Tell what an adaptation will do.

        Args:
            method: How the language is learnt; of several contenders the stages of all are told.
            seconds_per_example: What the base's training took for one example, for the estimate.
        """
        split, contenders = self.split, method.contenders
        measured = (1 + len(contenders)) * FORWARD_SHARE * len(split.evaluation)
        passes = sum(sum(self.costs(one).values()) + self._tuning_cost(one) for one in contenders) + measured
        warnings = [
            warning for one in contenders for warning in self.curriculum.warnings(split, self.source, one)
        ]
        if len(contenders) > 1:
            warnings.append(
                f"the best of {len(contenders)} on the held-out examples is kept, so its score there "
                "flatters a little"
            )
        return AdaptPlan(
            method=method,
            train=len(split.train),
            evaluation=len(split.evaluation),
            stages=tuple(stage for one in contenders for stage, _ in self._stages(one)),
            warnings=tuple(dict.fromkeys(warnings)),
            estimated_seconds=None if seconds_per_example is None else round(passes * seconds_per_example, 1),
        )

    def costs(self, method: Method) -> dict[str, float]:
        """Return stage → training passes over one example, for progress and estimates.

        Args:
            method: One that is trained itself.
        """
        stages = self._stages(method)
        has_episodes = any(stage.episodes for stage, _ in stages)
        prepared = self.curriculum.preparation(self.split, self.source) if has_episodes else {}
        return {**prepared, **{stage.name: cost for stage, cost in stages}}

    def is_tuned(self, method: Method) -> bool:
        """Tell whether the settings of a method are chosen first: only plain training has some to choose."""
        return self.hyperparameters.tune and set(self.steps(method)) <= {FINE_TUNE, JOINT}

    def steps(self, method: Method) -> dict[str, int]:
        """Return stage → optimiser steps, in the order they run."""
        return {stage.name: stage.steps for stage, _ in self._stages(method)}

    def split_for(self, method: Method) -> Split[ExampleT]:
        """Return the data with the pools of a method: X-METRA's only stage draws from all of it."""
        if method is not Method.X_METRA:
            return self.split
        everything = tuple(range(len(self.split.train)))
        return replace(self.split, pools=Pools(meta_train=everything, meta_adapt=()))

    def meta_train(self, method: Method) -> EpisodeShape:
        """Return the episodes of meta-train."""
        return self.curriculum.meta_train(self.split_for(method), self.source, self.hyperparameters.meta)

    def meta_adapt(self) -> EpisodeShape:
        """Return the episodes of meta-adapt."""
        return self.curriculum.meta_adapt(self.split, self.hyperparameters.meta)

    def _stages(self, method: Method) -> list[tuple[StagePlan, float]]:
        """Return the stages in order, each with its cost."""
        wanted = STAGES[method]
        if self.hyperparameters.meta.schedule is Schedule.INTERLEAVED and META_ADAPT in wanted:
            wanted = (INTERLEAVED,)
        if not WITH_SOURCE.isdisjoint(wanted) and method is not Method.FT_EN:
            supported = self.curriculum.supported(self.split, self.source)
            if not supported:
                wanted = (FINE_TUNE,)
            elif supported < len(self.split.train):
                # Heads know nothing of a new kind: without a plain start its episodes would be noise.
                wanted = (FINE_TUNE, *wanted)
        return [self._stage(name, method) for name in wanted]

    def _tuning_cost(self, method: Method) -> float:
        """Return the training passes over one example that all trials take, about."""
        if not self.is_tuned(method):
            return 0.0
        return (1 - HELD_SHARE) * TRIALS_COST * sum(self.costs(method).values())

    def _stage(self, name: str, method: Method) -> tuple[StagePlan, float]:
        """Plan one stage of a method."""
        if name == META_TRAIN:
            return self._meta_train_stage(method)
        if name == META_ADAPT:
            return self._meta_adapt_stage()
        if name == INTERLEAVED:
            return self._interleaved_stage(method)
        return _plain_stage(name, len(self.split.train), self.hyperparameters.fine_tune)

    def _meta_train_stage(self, method: Method) -> tuple[StagePlan, float]:
        """Plan meta-train."""
        sides, meta = self.meta_train(method), self.hyperparameters.meta
        steps = meta.meta_train_steps or meta.steps(sides.examples, sides.query, least=meta.min_steps)
        return _meta_stage(META_TRAIN, steps, sides, meta)

    def _meta_adapt_stage(self) -> tuple[StagePlan, float]:
        """Plan meta-adapt."""
        sides, meta = self.meta_adapt(), self.hyperparameters.meta
        least = math.ceil(meta.min_steps * sides.examples / len(self.split.pools.meta_train))
        steps = meta.meta_adapt_steps or meta.steps(sides.examples, sides.query, least=least)
        return _meta_stage(META_ADAPT, steps, sides, meta)

    def _interleaved_stage(self, method: Method) -> tuple[StagePlan, float]:
        """Plan both at once: an episode of meta-adapt after each of meta-train."""
        plan, cost = self._meta_train_stage(method)
        _, other = _meta_stage(META_ADAPT, plan.steps, self.meta_adapt(), self.hyperparameters.meta)
        return plan.model_copy(update={"name": INTERLEAVED}), cost + other


def _meta_stage(name: str, steps: int, sides: EpisodeShape, meta: MetaSettings) -> tuple[StagePlan, float]:
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


def _plain_stage(name: str, examples: int, settings: FineTuneSettings) -> tuple[StagePlan, float]:
    """Return a plain stage, and its passes: with the source, each batch has as many of it again."""
    steps = settings.steps(examples)
    plan = StagePlan(name=name, steps=steps, examples=examples)
    return plan, float(steps * min(settings.batch_size, examples) * (2 if name == JOINT else 1))
