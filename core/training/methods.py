"""Methods as compositions of two loops: plain training and the meta stage."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.progress import ProgressTracker
from core.tasks.engine import Episode, Learner
from core.training.finetune import Sized, fine_tune
from core.training.outer_loop import meta_stage
from core.training.planning import JOINT, META_STAGES

SizedT = TypeVar("SizedT", bound=Sized)

PRE = "pre"


@dataclass(frozen=True, slots=True)
class StageData(Generic[SizedT]):
    """What the stages of a method learn from.

    Attributes:
        target: All of the target's training examples.
        source: Source examples, for joint training.
        episodes: Meta stage → its episodes.
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
    """PRE: plain training on the source language makes the base."""
    fine_tune(learner, source, settings, seed=seed, tracker=tracker, stage=PRE)


def run_stages(
    learner: Learner[SizedT],
    stages: Mapping[str, int],
    data: StageData[SizedT],
    hyperparameters: Hyperparameters,
    *,
    tracker: ProgressTracker,
) -> None:
    """Train by any other method: one stage after the other, each from where the last one ended.

    Args:
        learner: Trained in place.
        stages: Stage → optimiser steps, in order (`core.training.planning.Planner.steps`).
        data: What they learn from.
        hyperparameters: Rates and seed.
        tracker: Told of each step.
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
                beside=data.source if stage == JOINT else (),
            )


def interleaved(
    meta_train: Iterator[Episode[SizedT]], meta_adapt: Iterator[Episode[SizedT]]
) -> Iterator[Episode[SizedT]]:
    """Let each episode of meta-train be followed by one of meta-adapt, as in the paper's released code."""
    for one, other in zip(meta_train, meta_adapt, strict=False):
        yield replace(one, then=other)
