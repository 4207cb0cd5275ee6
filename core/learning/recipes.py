"""Methods as compositions of two loops: plain training and the meta stage."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.learning.finetune import Sized, fine_tune
from core.learning.meta import meta_stage
from core.learning.planning import JOINT, META_STAGES
from core.progress import ProgressTracker
from core.tasks.task import Episode, Learner

SizedT = TypeVar("SizedT", bound=Sized)

PRE = "pre"


@dataclass(frozen=True, slots=True)
class Lessons(Generic[SizedT]):
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
    lessons: Lessons[SizedT],
    hyperparameters: Hyperparameters,
    *,
    tracker: ProgressTracker,
) -> None:
    """Train by any other method: one stage after the other, each from where the last one ended.

    Args:
        learner: Trained in place.
        stages: Stage → optimiser steps, in order (`core.learning.planning.Planner.steps`).
        lessons: What they learn from.
        hyperparameters: Rates and seed.
        tracker: Told of each step.
    """
    seed = hyperparameters.seed
    for stage, steps in stages.items():
        if stage in META_STAGES:
            meta_stage(
                learner,
                lessons.episodes[stage],
                hyperparameters.meta,
                steps=steps,
                seed=seed,
                tracker=tracker,
                stage=stage,
            )
        else:
            fine_tune(
                learner,
                lessons.target,
                hyperparameters.fine_tune,
                seed=seed,
                tracker=tracker,
                stage=stage,
                beside=lessons.source if stage == JOINT else (),
            )


def interleaved(
    meta_train: Iterator[Episode[SizedT]], meta_adapt: Iterator[Episode[SizedT]]
) -> Iterator[Episode[SizedT]]:
    """Let each episode of meta-train be followed by one of meta-adapt, as in the paper's released code."""
    for one, other in zip(meta_train, meta_adapt, strict=False):
        yield replace(one, then=other)
