"""Rates and epochs of plain training, chosen on a part of the few-shot data and never on held-out examples.

A baseline that was not tuned is a straw man: the released code's fine-tuning lost to meta-learning by its
own schedule.
"""

from dataclasses import replace
from operator import itemgetter
from typing import Any

from core.contracts.hyperparameters import FineTuneSettings
from core.contracts.reports import TuningTrial
from core.contracts.values import Method
from core.errors import InvalidInput
from core.pipeline.job_context import JobContext
from core.pipeline.training_run import Material, example_embeddings, load_start, train
from core.progress import ProgressTracker
from core.tasks.data_split import FORWARD_SHARE, Split
from core.tasks.engines import task_engine
from core.training.planning import Planner
from core.training.tuning_grid import HELD_OUT_SHARE, longer_candidate, rate_candidates


def tuned(
    method: Method, material: Material, context: JobContext, tracker: ProgressTracker
) -> tuple[Material, tuple[TuningTrial, ...]]:
    """Choose the settings of plain training.

    Returns:
        The material with the best settings (the first of equals), and all trials; the material unchanged and
        no trials if there is nothing to choose.
    """
    trial = _trial(method, material)
    if trial is None:
        return material, ()
    prefix, tried = tracker.prefix, list[TuningTrial]()

    def quality(settings: FineTuneSettings) -> float:
        tracker.prefix = f"{prefix}{_name(len(tried) + 1)}"
        tried.append(_try(method, _with(trial, settings), context, tracker))
        return tried[-1].quality

    grid = rate_candidates(material.planner.hyperparameters.fine_tune)
    scored = [(quality(candidate), candidate) for candidate in grid]
    best, settings = max(scored, key=itemgetter(0))  # the first of equals
    if quality(longer_candidate(settings)) > best:
        settings = longer_candidate(settings)
    tracker.prefix = prefix
    return _with(material, settings), tuple(tried)


def tuning_costs(method: Method, material: Material) -> dict[str, float]:
    """Return the stages of all trials: stage → cost in training passes over one example."""
    trial = _trial(method, material)
    if trial is None:
        return {}
    costs = {}
    settings = material.planner.hyperparameters.fine_tune
    for number, tried in enumerate([*rate_candidates(settings), longer_candidate(settings)], 1):
        for stage, cost in _with(trial, tried).planner.costs(method).items():
            # Measuring a trial is not reported as a stage.
            costs[_name(number) + stage] = cost + FORWARD_SHARE * len(trial.planner.split.evaluation)
    return costs


def _trial(method: Method, material: Material) -> Material | None:
    """Return the material of trials, or None if the method is not tuned or has too few examples."""
    planner = material.planner
    if not planner.is_tuned(method):
        return None
    try:
        split: Split[Any] = planner.splitter.split(
            planner.split.train, None, fraction=HELD_OUT_SHARE, seed=planner.hyperparameters.seed
        )
    except InvalidInput:  # too few to hold any out
        return None
    return replace(material, planner=replace(planner, split=split))


def _try(method: Method, material: Material, context: JobContext, tracker: ProgressTracker) -> TuningTrial:
    """Train with some settings, and measure on the part of the few-shot data that was held out."""
    learner = load_start(method, material, context)
    embeddings = example_embeddings(material, context, tracker)
    train(learner, method, material, embeddings=embeddings, tracker=tracker)
    measured = task_engine(material.job.task).measure(learner, material.planner.split.evaluation)
    settings = material.planner.hyperparameters.fine_tune
    return TuningTrial(
        encoder_lr=settings.encoder_lr,
        heads_lr=settings.heads_lr,
        steps=settings.steps(len(material.planner.split.train)),
        quality=round(measured.evaluation.quality, 6),
    )


def _with(material: Material, settings: FineTuneSettings) -> Material:
    planner: Planner[Any] = material.planner
    hyperparameters = planner.hyperparameters.model_copy(update={"fine_tune": settings})
    return replace(material, planner=replace(planner, hyperparameters=hyperparameters))


def _name(number: int) -> str:
    """Return the prefix of the stage names of a trial."""
    return f"tune {number}: "
