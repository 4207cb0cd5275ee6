"""Planning of adaptations: stages, steps and cost estimates. Torch-free, for `dry_run`."""

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
from core.training.tuning_grid import HELD_OUT_SHARE, TRIALS_COST

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
"""Method → its stages in the order they run."""

META_STAGES: Final = frozenset({META_TRAIN, META_ADAPT, INTERLEAVED})
"""Stages that are trained on episodes."""

WITH_SOURCE: Final = frozenset({JOINT, META_TRAIN, INTERLEAVED})
"""Stages that are also trained on source examples."""


@dataclass(frozen=True, slots=True)
class Planner(Generic[ExampleT]):
    """Plans the methods of adaptation on one split of the data.

    Attributes:
        splitter: The task's splits and episode shapes.
        split: The few-shot data, split.
        source: Manifest of the base's source data.
        hyperparameters: Learning rates, shots and steps.
    """

    splitter: DataSplitter[ExampleT]
    split: Split[ExampleT]
    source: DatasetManifest
    hyperparameters: Hyperparameters

    def plan(self, method: Method, *, seconds_per_example: float | None = None) -> AdaptPlan:
        """Return the plan of an adaptation.

        Args:
            method: The method; for ``best`` the plan has the stages of all its contenders.
            seconds_per_example: Duration of one training pass over an example, as measured when the base was
                trained; None to leave out the estimate.
        """
        split, contenders = self.split, method.contenders
        evaluation_passes = (1 + len(contenders)) * FORWARD_SHARE * len(split.evaluation)
        passes = evaluation_passes + sum(
            sum(self.costs(contender).values()) + self._tuning_cost(contender) for contender in contenders
        )
        warnings = [
            warning
            for contender in contenders
            for warning in self.splitter.warnings(split, self.source, contender)
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
            stages=tuple(stage for contender in contenders for stage, _ in self._stages(contender)),
            warnings=tuple(dict.fromkeys(warnings)),
            estimated_seconds=None if seconds_per_example is None else round(passes * seconds_per_example, 1),
        )

    def costs(self, method: Method) -> dict[str, float]:
        """Return stage → training passes over one example, for progress and estimates.

        Args:
            method: A method without contenders.
        """
        stages = self._stages(method)
        has_episodes = any(stage.episodes for stage, _ in stages)
        prepared = self.splitter.preparation(self.split, self.source) if has_episodes else {}
        return {**prepared, **{stage.name: cost for stage, cost in stages}}

    def is_tuned(self, method: Method) -> bool:
        """Return whether the settings of a method are tuned first, which only fine-tuning supports."""
        return self.hyperparameters.tune and set(self.steps(method)) <= {FINE_TUNE, JOINT}

    def steps(self, method: Method) -> dict[str, int]:
        """Return stage → number of optimiser steps, in the order the stages run."""
        return {stage.name: stage.steps for stage, _ in self._stages(method)}

    def split_for(self, method: Method) -> Split[ExampleT]:
        """Return the split with the pools of a method: X-METRA's only stage samples from all examples."""
        if method is not Method.X_METRA:
            return self.split
        everything = tuple(range(len(self.split.train)))
        return replace(self.split, pools=Pools(meta_train=everything, meta_adapt=()))

    def meta_train(self, method: Method) -> EpisodeShape:
        """Return the shape of meta-train's episodes."""
        return self.splitter.meta_train(self.split_for(method), self.source, self.hyperparameters.meta)

    def meta_adapt(self) -> EpisodeShape:
        """Return the shape of meta-adapt's episodes."""
        return self.splitter.meta_adapt(self.split, self.hyperparameters.meta)

    def _stages(self, method: Method) -> list[tuple[StagePlan, float]]:
        """Return the stages in order, with the cost of each."""
        names = STAGES[method]
        if self.hyperparameters.meta.schedule is Schedule.INTERLEAVED and META_ADAPT in names:
            names = (INTERLEAVED,)
        if not WITH_SOURCE.isdisjoint(names) and method is not Method.FT_EN:
            supported = self.splitter.supported(self.split, self.source)
            if not supported:
                names = (FINE_TUNE,)
            elif supported < len(self.split.train):
                # Heads are untrained for new classes: without fine-tuning their episodes would be noise.
                names = (FINE_TUNE, *names)
        return [self._stage(name, method) for name in names]

    def _tuning_cost(self, method: Method) -> float:
        """Return the approximate cost of all tuning trials, in training passes over one example."""
        if not self.is_tuned(method):
            return 0.0
        return (1 - HELD_OUT_SHARE) * TRIALS_COST * sum(self.costs(method).values())

    def _stage(self, name: str, method: Method) -> tuple[StagePlan, float]:
        """Plan one stage of a method."""
        if name == META_TRAIN:
            return self._meta_train_stage(method)
        if name == META_ADAPT:
            return self._meta_adapt_stage()
        if name == INTERLEAVED:
            return self._interleaved_stage(method)
        return _fine_tuning_stage(name, len(self.split.train), self.hyperparameters.fine_tune)

    def _meta_train_stage(self, method: Method) -> tuple[StagePlan, float]:
        """Plan meta-train."""
        shape, meta = self.meta_train(method), self.hyperparameters.meta
        steps = meta.meta_train_steps or meta.steps(shape.examples, shape.query, least=meta.min_steps)
        return _meta_stage(META_TRAIN, steps, shape, meta)

    def _meta_adapt_stage(self) -> tuple[StagePlan, float]:
        """Plan meta-adapt."""
        shape, meta = self.meta_adapt(), self.hyperparameters.meta
        least = math.ceil(meta.min_steps * shape.examples / len(self.split.pools.meta_train))
        steps = meta.meta_adapt_steps or meta.steps(shape.examples, shape.query, least=least)
        return _meta_stage(META_ADAPT, steps, shape, meta)

    def _interleaved_stage(self, method: Method) -> tuple[StagePlan, float]:
        """Plan the interleaved stage: an episode of meta-adapt after each of meta-train."""
        plan, cost = self._meta_train_stage(method)
        _, adapt_cost = _meta_stage(META_ADAPT, plan.steps, self.meta_adapt(), self.hyperparameters.meta)
        return plan.model_copy(update={"name": INTERLEAVED}), cost + adapt_cost


def _meta_stage(name: str, steps: int, shape: EpisodeShape, meta: MetaSettings) -> tuple[StagePlan, float]:
    """Return the plan of a meta stage, and its cost in training passes over one example."""
    episodes = steps * meta.meta_batch_size
    plan = StagePlan(
        name=name,
        steps=steps,
        examples=shape.examples,
        episodes=episodes,
        k_shot=shape.k_shot,
        q_shot=shape.q_shot,
    )
    support_passes = shape.support * meta.inner_steps / minibatch_count(shape.support, meta.inner_steps)
    return plan, episodes * (support_passes + shape.query)


def _fine_tuning_stage(name: str, examples: int, settings: FineTuneSettings) -> tuple[StagePlan, float]:
    """Return the plan of a fine-tuning stage, and its cost: joint training doubles each batch."""
    steps = settings.steps(examples)
    plan = StagePlan(name=name, steps=steps, examples=examples)
    return plan, float(steps * min(settings.batch_size, examples) * (2 if name == JOINT else 1))
