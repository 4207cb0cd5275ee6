"""Methods as compositions of two loops: plain fine-tuning and the meta stage."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from core.contracts.jobs import Hyperparameters, PretrainSettings
from core.learning.finetune import Sized, fine_tune
from core.learning.meta import meta_stage
from core.learning.planning import FINE_TUNE, META_ADAPT, META_TRAIN
from core.progress import ProgressTracker
from core.tasks.task import Episode, Learner

SizedT = TypeVar("SizedT", bound=Sized)

PRE = "pre"


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


def ft(
    learner: Learner[SizedT],
    target: Sequence[SizedT],
    hyperparameters: Hyperparameters,
    *,
    tracker: ProgressTracker,
    stage: str = FINE_TUNE,
) -> None:
    """FT: plain training of the base on the target language."""
    fine_tune(
        learner,
        target,
        hyperparameters.fine_tune,
        seed=hyperparameters.seed,
        tracker=tracker,
        stage=stage,
    )


def x_metra_ada(
    learner: Learner[SizedT],
    meta_train: Iterator[Episode[SizedT]],
    meta_adapt: Iterator[Episode[SizedT]],
    hyperparameters: Hyperparameters,
    *,
    steps: Mapping[str, int],
    tracker: ProgressTracker,
) -> None:
    """X-METRA-ADA: meta-train from source to target, then meta-adapt within the target.

    Args:
        learner: Trained in place.
        meta_train: Episodes with support from the source and query from the target.
        meta_adapt: Episodes within the target.
        hyperparameters: Rates and seed.
        steps: Stage → outer steps, as planned.
        tracker: Told of each outer step.
    """
    for stage, episodes in ((META_TRAIN, meta_train), (META_ADAPT, meta_adapt)):
        meta_stage(
            learner,
            episodes,
            hyperparameters.meta,
            steps=steps[stage],
            seed=hyperparameters.seed,
            tracker=tracker,
            stage=stage,
        )
