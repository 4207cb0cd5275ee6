"""The adaptation job: train, measure against the base and the serving checkpoint, publish, promote."""

from dataclasses import dataclass
from typing import Any

from core.checkpoints import open_checkpoint
from core.contracts.calibrations import Calibration
from core.contracts.jobs import AdaptJob
from core.contracts.reports import Candidate
from core.contracts.values import Method
from core.errors import CorruptArtifact, NotFound
from core.pipeline.job_context import JobContext, Origin, Outcome, deploy_if_promoted, publish, timed
from core.pipeline.promotion import decide
from core.pipeline.training_run import Material, example_embeddings, gather, load_base, load_start, train
from core.pipeline.tuning import tuned, tuning_costs
from core.pipeline.verdict import verdict
from core.progress import ProgressTracker
from core.tasks.data_split import FORWARD_SHARE
from core.tasks.engine import Measurement, TaskLearner
from core.tasks.engines import task_engine

ZERO_SHOT = "zero-shot base"
SERVING = "the checkpoint that serves now"
MEASURE = "measure "


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured model.

    Attributes:
        candidate: Its name and scores, for the report.
        measurement: Which held-out examples it predicts right.
    """

    candidate: Candidate
    measurement: Measurement


def adapt(job: AdaptJob, context: JobContext) -> Outcome:
    """Adapt a base to a language, and deploy the result if it is promoted.

    Raises:
        XmetraError: The data cannot be used, the base does not exist, or the store cannot be written.
    """
    material = gather(job, context)
    tracker = ProgressTracker(context.monitor, _costs(material))
    zero_shot = _measure(ZERO_SHOT, load_base(material, context), material, tracker)
    serving, warnings = _measure_serving(material, context, tracker)
    learner, result, losers = _train_contenders(material, context, tracker)
    baselines = [
        _train_and_measure(method, material, context, tracker, prefix=f"{method} baseline: ")[1]
        for method in _baselines(job)
    ]
    origin = _origin(material, result)
    checkpoint_id = None
    if job.keep:
        checkpoint_id = publish(learner, origin, result.candidate, context.store).checkpoint_id
    candidate = result.candidate.model_copy(update={"checkpoint_id": checkpoint_id})
    decision = decide(job.promote, candidate, (serving or zero_shot).candidate)
    baselines = [*losers, *baselines]
    rivals = [zero_shot, *([serving] if serving else []), *baselines]
    report = context.report(
        plan=material.plan,
        data=_sizes(material),
        dataset_ids=origin.dataset_ids,
        result=candidate,
        baselines=tuple(rival.candidate for rival in rivals),
        decision=decision,
        verdict=verdict(
            (candidate, result.measurement),
            [(rival.candidate, rival.measurement) for rival in (zero_shot, *baselines)],
        ),
        curves=tuple(tracker.curves),
        warnings=(*material.plan.warnings, *warnings),
        seed=job.hyperparameters.seed,
    )
    return deploy_if_promoted(report, job, context)


def _baselines(job: AdaptJob) -> list[Method]:
    """Return the baseline methods, each once, without the job's own method."""
    return [method for method in dict.fromkeys(job.baselines) if method not in job.method.contenders]


def _costs(material: Material) -> dict[str, float]:
    """Return the stages of the job in order: stage → cost in training passes over one example."""
    job, planner = material.job, material.planner
    measuring = FORWARD_SHARE * len(planner.split.evaluation) + 1
    costs = {MEASURE + ZERO_SHOT: measuring, MEASURE + SERVING: measuring}
    prefixes = {method: _prefix(job, method) for method in job.method.contenders}
    prefixes |= {method: f"{method} baseline: " for method in _baselines(job)}
    for method, prefix in prefixes.items():
        stages = {**tuning_costs(method, material), **planner.costs(method)}
        costs |= {prefix + stage: cost for stage, cost in stages.items()}
        costs[prefix + MEASURE + method] = measuring
    return costs


def _prefix(job: AdaptJob, method: Method) -> str:
    """Return the prefix of the stage names of a contender; empty if it is the only one."""
    return f"{method}: " if job.method is Method.BEST else ""


def _train_contenders(
    material: Material, context: JobContext, tracker: ProgressTracker
) -> tuple[TaskLearner[Any, Any], Measured, list[Measured]]:
    """Train the method, or each of those that it chooses among.

    Returns:
        The learner that is best on the held-out examples (the first of equals), its scores, and the scores of
        the others. Only the best learner so far stays in memory.
    """
    first, *others = material.job.method.contenders
    learner, best = _train_and_measure(first, material, context, tracker, prefix=_prefix(material.job, first))
    losers = []
    for method in others:
        rival, rival_scores = _train_and_measure(
            method, material, context, tracker, prefix=_prefix(material.job, method)
        )
        if rival_scores.candidate.evaluation.quality > best.candidate.evaluation.quality:
            learner, best, rival_scores = rival, rival_scores, best
        losers.append(rival_scores)
    return learner, best, losers


def _train_and_measure(
    method: Method, material: Material, context: JobContext, tracker: ProgressTracker, prefix: str = ""
) -> tuple[TaskLearner[Any, Any], Measured]:
    """Train a method from the base and measure the result."""
    tracker.prefix = prefix
    material, tried = tuned(method, material, context, tracker)
    learner = load_start(method, material, context)
    embeddings = example_embeddings(material, context, tracker)
    seconds = timed(lambda: train(learner, method, material, embeddings=embeddings, tracker=tracker))
    measured = _measure(method, learner, material, tracker)
    update = {
        "train_seconds": round(seconds, 2),
        "tried": tried,
        "calibration": _calibration(learner, material),
    }
    candidate = measured.candidate.model_copy(update=update)
    return learner, Measured(candidate, measured.measurement)


def _measure_serving(
    material: Material, context: JobContext, tracker: ProgressTracker
) -> tuple[Measured | None, list[str]]:
    """Measure the checkpoint that serves the language now, if there is one.

    Returns:
        The measured checkpoint, or None if only the base serves, and warnings. A checkpoint that is lost or
        damaged is skipped with a warning: it cannot serve, so it is no reason to refuse its successor.
    """
    job = material.job
    live = context.store.deployments.live(job.task, job.language)
    if live is None:
        return None, []
    try:
        manifest = context.store.checkpoints.manifest(job.task, live.checkpoint_id)
        learner = open_checkpoint(context.store, manifest, device=context.device)
    except (CorruptArtifact, NotFound) as error:
        return None, [f"what serves now cannot be loaded, and was not compared with: {error}"]
    measured = _measure(SERVING, learner, material, tracker)
    candidate = measured.candidate.model_copy(update={"checkpoint_id": live.checkpoint_id})
    return Measured(candidate, measured.measurement), []


def _measure(
    name: str, learner: TaskLearner[Any, Any], material: Material, tracker: ProgressTracker
) -> Measured:
    tracker.begin(MEASURE + name, 1)
    measurement = task_engine(material.job.task).measure(learner, material.planner.split.evaluation)
    tracker.step(1)
    return Measured(Candidate(name=name, evaluation=measurement.evaluation), measurement)


def _calibration(learner: TaskLearner[Any, Any], material: Material) -> Calibration | None:
    """Fit the temperatures of a model that this job trained."""
    split = material.planner.split
    training = (*split.train, *material.source)
    return task_engine(material.job.task).calibrate(learner, split.evaluation, training=training)


def _origin(material: Material, result: Measured) -> Origin:
    job, method = material.job, Method(result.candidate.name)
    from_base = method is not Method.MONO
    datasets = {
        # The data of the first training: MONO is trained on the target alone.
        "source": material.base.dataset_ids["source"] if from_base else job.dataset_id,
        "target": job.dataset_id,
        "evaluation": job.evaluation_dataset_id,
    }
    passes = sum(material.planner.costs(method).values())
    return Origin(
        task=job.task,
        method=method,
        languages=tuple(dict.fromkeys((*(material.base.languages if from_base else ()), job.language))),
        base_id=job.base_id if from_base else None,
        trainable=job.hyperparameters.trainable,
        dataset_ids={role: dataset_id for role, dataset_id in datasets.items() if dataset_id},
        seconds_per_example=round(result.candidate.train_seconds / passes, 6),
    )


def _sizes(material: Material) -> dict[str, int]:
    split = material.planner.split
    return {
        "train": len(split.train),
        "evaluation": len(split.evaluation),
        "meta_train_pool": len(split.pools.meta_train),
        "meta_adapt_pool": len(split.pools.meta_adapt),
        "source_pool": len(material.source),
    }
