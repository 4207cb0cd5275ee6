"""The pre-training job (PRE): a base from source-language data."""

from typing import Any

from core.checkpoints import open_checkpoint
from core.contracts.jobs import PretrainJob
from core.contracts.reports import Candidate, CheckpointManifest, PromotionDecision
from core.contracts.values import BASE, Promotion
from core.encoders.loading import load_encoder
from core.pipeline.job_context import JobContext, Origin, Outcome, deploy_if_promoted, publish, timed
from core.pipeline.promotion import decide
from core.progress import ProgressTracker
from core.tasks.data_split import FORWARD_SHARE, Split
from core.tasks.engines import task_engine
from core.tasks.registry import task_spec
from core.training.methods import PRE, pre
from core.training.sparse_embeddings import restricted_embeddings

EVALUATE = "evaluate"


def pretrain(job: PretrainJob, context: JobContext) -> Outcome:
    """Train a base, measure it, and deploy it if it is promoted.

    Raises:
        XmetraError: The data or the encoder cannot be used, or the store cannot be written.
    """
    split = _split(job, context)
    task = task_engine(job.task)
    learner = task.new_learner(load_encoder(job.encoder), split.train, device=context.device, seed=job.seed)
    tracker = ProgressTracker(context.monitor, _costs(job, split))
    features = learner.features(split.train)
    with restricted_embeddings(learner.body, learner.token_ids(features)):
        seconds = timed(lambda: pre(learner, features, job.settings, seed=job.seed, tracker=tracker))
    tracker.begin(EVALUATE, 1)
    result = Candidate(
        name="base",
        evaluation=task.measure(learner, split.evaluation).evaluation,
        train_seconds=round(seconds, 2),
        calibration=task.calibrate(learner, split.evaluation, training=split.train),
    )
    # The last point at which the job can be cancelled: from here on it leaves a checkpoint behind.
    tracker.step(1)
    passes = _passes(job, split)
    manifest = publish(
        learner,
        Origin(
            task=job.task,
            method=PRE,
            languages=(job.source_language,),
            base_id=None,
            dataset_ids=_dataset_ids(job),
            seconds_per_example=round(seconds / passes, 6),
        ),
        result,
        context.store,
    )
    result = result.model_copy(update={"checkpoint_id": manifest.checkpoint_id})
    decision, baselines = _decide(job, split, result, context)
    report = context.report(
        data={"train": len(split.train), "evaluation": len(split.evaluation)},
        dataset_ids=_dataset_ids(job),
        result=result,
        baselines=baselines,
        decision=decision,
        verdict=_verdict(job, result),
        curves=tuple(tracker.curves),
        seed=job.seed,
    )
    return deploy_if_promoted(report, job, context)


def _split(job: PretrainJob, context: JobContext) -> Split[Any]:
    examples = context.store.datasets.load(job.dataset_id)
    evaluation_id = job.evaluation_dataset_id
    evaluation = None if evaluation_id is None else context.store.datasets.load(evaluation_id)
    return task_spec(job.task).data_splitter.split(
        examples, evaluation, fraction=job.evaluation_fraction, seed=job.seed
    )


def _costs(job: PretrainJob, split: Split[Any]) -> dict[str, float]:
    """Return stage → cost in training passes over one example."""
    return {PRE: float(_passes(job, split)), EVALUATE: FORWARD_SHARE * len(split.evaluation) + 1}


def _passes(job: PretrainJob, split: Split[Any]) -> int:
    """Return the number of training passes over one example."""
    return job.settings.steps(len(split.train)) * min(job.settings.batch_size, len(split.train))


def _dataset_ids(job: PretrainJob) -> dict[str, str]:
    datasets = {"source": job.dataset_id, "evaluation": job.evaluation_dataset_id}
    return {role: dataset_id for role, dataset_id in datasets.items() if dataset_id}


def _decide(
    job: PretrainJob, split: Split[Any], result: Candidate, context: JobContext
) -> tuple[PromotionDecision, tuple[Candidate, ...]]:
    """Compare with the base that serves now, if there is one of the same language."""
    live = context.store.deployments.live(job.task, BASE)
    incumbent = None
    if live is not None:
        manifest = context.store.checkpoints.manifest(job.task, live.checkpoint_id)
        if manifest.languages[0] != job.source_language and job.promote is Promotion.IF_BETTER:
            reason = (
                f"the base that serves was made from {manifest.languages[0]!r}, so the two cannot be "
                "compared; ask for promote=always to replace it"
            )
            return PromotionDecision(promoted=False, reason=reason), ()
        incumbent = _measure_incumbent(job, manifest, split, context)
    decision = decide(job.promote, result, incumbent)
    return decision, () if incumbent is None else (incumbent,)


def _measure_incumbent(
    job: PretrainJob, manifest: CheckpointManifest, split: Split[Any], context: JobContext
) -> Candidate:
    learner = open_checkpoint(context.store, manifest, device=context.device)
    return Candidate(
        name="the base that serves now",
        checkpoint_id=manifest.checkpoint_id,
        evaluation=task_engine(job.task).measure(learner, split.evaluation).evaluation,
    )


def _verdict(job: PretrainJob, result: Candidate) -> str:
    scores = result.evaluation
    headline = ", ".join(f"{name} {100 * rate:.1f}" for name, rate in scores.headline.items())
    return f"The base reads {job.source_language} with {headline} on {scores.examples} held-out examples."
