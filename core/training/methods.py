"""Training methods as sequences of two loops: fine-tuning and meta-learning."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.progress import ProgressTracker
from core.tasks.engine import Episode, Learner
from core.training.finetune import SizedT, fine_tune
from core.training.outer_loop import meta_stage
from core.training.planning import JOINT, META_STAGES

PRE = "pre"


@dataclass(frozen=True, slots=True)
class StageData(Generic[SizedT]):
    """Training data of a method's stages.

    Attributes:
        target: All training examples of the target language.
        source: Source examples, for joint training.
        episodes: Name of a meta stage → its episodes.
    """

    target: Sequence[SizedT]
    source: Sequence[SizedT]
    episodes: Mapping[str, Iterator[Episode[SizedT]]]


def pre(
    learner: Learner[SizedT],
    source: Sequence[SizedT],
    settings: PretrainSettings,
    *,
    seed: int,
    tracker: ProgressTracker,
) -> None:
    """Train the base: PRE, fine-tuning on the source language."""
    fine_tune(learner, source, settings, seed=seed, tracker=tracker, stage=PRE)


def run_stages(
    learner: Learner[SizedT],
    stages: Mapping[str, int],
    data: StageData[SizedT],
    hyperparameters: Hyperparameters,
    *,
    tracker: ProgressTracker,
) -> None:
    """Run the stages of any other method, each starting from the weights of the one before.

    Args:
        learner: Trained in place.
        stages: Stage → optimiser steps, in order (`core.training.planning.Planner.steps`).
        data: Training data of the stages.
        hyperparameters: Learning rates and seed.
        tracker: Receives each step.
    """
    seed = hyperparameters.seed
    for stage, steps in stages.items():
        if stage in META_STAGES:
            meta_stage(
                learner,
                data.episodes[stage],
                hyperparameters.meta,
                steps=steps,
                seed=seed,
                tracker=tracker,
                stage=stage,
            )
        else:
            fine_tune(
                learner,
                data.target,
                hyperparameters.fine_tune,
                seed=seed,
                tracker=tracker,
                stage=stage,
                auxiliary=data.source if stage == JOINT else (),
            )


def interleaved(
    meta_train: Iterator[Episode[SizedT]], meta_adapt: Iterator[Episode[SizedT]]
) -> Iterator[Episode[SizedT]]:
    """Yield episodes of meta-train, each followed by one of meta-adapt as in the paper's released code."""
    for episode, then in zip(meta_train, meta_adapt, strict=False):
        yield replace(episode, then=then)
