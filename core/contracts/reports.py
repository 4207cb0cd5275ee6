"""Plans and reports of training jobs, and records of checkpoints and deployments."""

from datetime import datetime

from pydantic import Field

from core.contracts.calibrations import PLAIN, Calibration, Temperatures
from core.contracts.evaluations import AnyEvaluation
from core.contracts.values import Contract, Identifier, LanguageTag, Method, TaskName, Trainable


class StagePlan(Contract):
    """One stage of training.

    Attributes:
        name: ``fine-tune``, ``fine-tune with source``, ``meta-train``, ``meta-adapt``, or those two in one.
        steps: Number of optimiser steps.
        examples: Number of target-language examples it trains on.
        episodes: Number of episodes; 0 for plain training.
        k_shot: Maximum of support examples for each class of an episode; 0 for plain training.
        q_shot: Maximum of query examples for each class of an episode; 0 for plain training.
    """

    name: str
    steps: int
    examples: int
    episodes: int = 0
    k_shot: int = 0
    q_shot: int = 0


class AdaptPlan(Contract):
    """What an adaptation will do.

    Attributes:
        method: The training method.
        train: Number of few-shot examples for training.
        evaluation: Number of held-out examples.
        stages: The stages of training, in their order.
        warnings: Notes for people, such as intents with few examples.
        estimated_seconds: Rough duration on the worker, in seconds; null if no measurement exists yet.
    """

    method: Method
    train: int
    evaluation: int
    stages: tuple[StagePlan, ...]
    warnings: tuple[str, ...] = ()
    estimated_seconds: float | None = None


class TuningTrial(Contract):
    """Settings of plain training that were tried on a part of the few-shot data.

    Attributes:
        encoder_lr: Peak learning rate of the encoder.
        heads_lr: Peak learning rate of the heads.
        steps: Steps of the trial; the training itself has more examples, and more steps in proportion.
        quality: Score on the examples held out for the trial, 0 to 1.
    """

    encoder_lr: float
    heads_lr: float
    steps: int
    quality: float


class Candidate(Contract):
    """A model with its scores: the result of the job, or one that it is compared with.

    Attributes:
        name: The method, or the name of the baseline.
        checkpoint_id: Its stored checkpoint; null if it is not stored.
        evaluation: Scores on the held-out examples.
        train_seconds: Duration of its training, in seconds.
        tried: Settings that were tried to tune it; empty if it was not tuned.
        calibration: Calibration of its confidences; null if it was not trained by this job, and for answers.
    """

    name: str
    checkpoint_id: Identifier | None = None
    evaluation: AnyEvaluation
    train_seconds: float = 0.0
    tried: tuple[TuningTrial, ...] = ()
    calibration: Calibration | None = None


class PromotionDecision(Contract):
    """Whether the new checkpoint was deployed, and why.

    Attributes:
        promoted: Whether the checkpoint was deployed.
        reason: The reason, in one sentence.
    """

    promoted: bool
    reason: str


class CurvePoint(Contract):
    """Losses at one step of one stage.

    Attributes:
        stage: Name of the stage.
        step: Number of the step, from 1.
        metrics: Name → loss, learning rate or score.
    """

    stage: str
    step: int
    metrics: dict[str, float]


class Report(Contract):
    """Result of a job.

    Attributes:
        plan: The plan of an adaptation; null for a base.
        data: Name of a split → number of its examples.
        dataset_ids: Role → dataset: `source`, `target`, `evaluation`.
        result: The model that was made.
        baselines: Models that it is compared with.
        decision: Whether it was deployed, and why.
        verdict: The outcome in one sentence.
        curves: Losses and rates of the training.
        warnings: Notes for people.
        seed: Seed of all random numbers.
        versions: Package → version that trained.
        device: The device that trained, such as `cpu` or `cuda`.
        wall_seconds: Duration of the job, in seconds.
        peak_memory_bytes: Peak memory of the training process, in bytes.
    """

    plan: AdaptPlan | None = None
    data: dict[str, int]
    dataset_ids: dict[str, str]
    result: Candidate
    baselines: tuple[Candidate, ...] = ()
    decision: PromotionDecision
    verdict: str
    curves: tuple[CurvePoint, ...] = ()
    warnings: tuple[str, ...] = ()
    seed: int
    versions: dict[str, str]
    device: str
    wall_seconds: float
    peak_memory_bytes: int


class CheckpointManifest(Contract):
    """Description of a checkpoint; written last, so that a folder without one is no checkpoint.

    Attributes:
        checkpoint_id: Id of the checkpoint.
        task: The task.
        method: ``pre`` for a base, or the method of the adaptation.
        languages: BCP-47 tags of the languages it was trained on, source first.
        base_id: The checkpoint it was adapted from; null for a base.
        dataset_ids: Role → dataset: ``source``, ``target``, ``evaluation``.
        encoder: Name of the encoder it was made with.
        intents: The intent labels, in the order of the head; empty if the task has no intents.
        slots: The slot types, sorted; empty if the task has no slots.
        trainable: Which tensors were trained; unless ``all``, the files hold only these.
        files: File name → SHA-256.
        bytes: Size of the weights, in bytes.
        seconds_per_example: Training time for one example where it was made, in seconds, for estimates.
        evaluation: Scores on held-out examples where it was made; null if it was not measured.
        temperatures: Divisors of its scores before they become confidences.
        created_at: Time of its making, in UTC.
    """

    checkpoint_id: Identifier
    task: TaskName
    method: str
    languages: tuple[LanguageTag, ...]
    base_id: Identifier | None = None
    dataset_ids: dict[str, str]
    encoder: str
    intents: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()
    trainable: Trainable = Trainable.ALL
    files: dict[str, str]
    bytes: int
    seconds_per_example: float | None = None
    evaluation: AnyEvaluation | None = None
    temperatures: Temperatures = PLAIN
    created_at: datetime


class Deployment(Contract):
    """Deployment of a checkpoint to a language; the highest number is live.

    Attributes:
        number: Number of the deployment, from 1; each change adds one.
        checkpoint_id: The checkpoint that is deployed.
        reason: Why it was deployed.
        job_id: The job that deployed it; null if it was deployed by hand.
        created_at: Time of the deployment, in UTC.
    """

    number: int = Field(ge=1)
    checkpoint_id: Identifier
    reason: str
    job_id: Identifier | None = None
    created_at: datetime
