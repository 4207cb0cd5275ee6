"""What an adaptation will do, and what it did."""

from datetime import datetime

from pydantic import Field

from core.contracts.calibrations import PLAIN, Calibration, Temperatures
from core.contracts.evaluations import Evaluation
from core.contracts.values import Contract, Identifier, LanguageTag, Method, TaskName, Trainable


class StagePlan(Contract):
    """One stage of training.

    Attributes:
        name: ``fine-tune``, ``fine-tune with source``, ``meta-train``, ``meta-adapt``, or those two in one.
        steps: Optimiser steps.
        examples: Target-language examples it may see.
        episodes: Episodes drawn; 0 for plain training.
        k_shot: Support examples an intent, at most.
        q_shot: Query examples an intent, at most.
    """

    name: str
    steps: int
    examples: int
    episodes: int = 0
    k_shot: int = 0
    q_shot: int = 0


class AdaptPlan(Contract):
    """What an adaptation will do, told before it starts.

    Attributes:
        train: Few-shot examples left for training.
        evaluation: Held-out examples.
        stages: In the order they run.
        warnings: Everything a person should know: small intents, pools that are re-split…
        estimated_seconds: On this worker, roughly; None where nothing was measured yet.
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
        encoder_lr: Rate of the encoder.
        heads_lr: Rate of the heads.
        steps: Of the trial; the training itself has more examples, and more steps in proportion.
        quality: On the examples held out for it.
    """

    encoder_lr: float
    heads_lr: float
    steps: int
    quality: float


class Candidate(Contract):
    """A model that was measured: the one made, or one it is compared with.

    Attributes:
        tried: The settings it was tuned among; none where it was not.
        calibration: How sure it may say it is; None of what was not trained here, and of answers.
    """

    name: str
    checkpoint_id: Identifier | None = None
    evaluation: Evaluation
    train_seconds: float = 0.0
    tried: tuple[TuningTrial, ...] = ()
    calibration: Calibration | None = None


class PromotionDecision(Contract):
    """Whether the new checkpoint serves, and why."""

    promoted: bool
    reason: str


class CurvePoint(Contract):
    """Losses at one step of one stage."""

    stage: str
    step: int
    metrics: dict[str, float]


class Report(Contract):
    """What a job did, measured and explained."""

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
    """What a checkpoint is; written last, so that a folder without one does not exist.

    Attributes:
        checkpoint_id: Its name.
        method: ``pre`` for a base, or how the language was learnt.
        languages: What it was trained on, source first.
        base_id: The base it came from; None for a base.
        dataset_ids: Role → dataset: ``source``, ``target``, ``evaluation``.
        encoder: The name of the encoder it was made with.
        intents: The intent labels, in the order of the head; none where the task has none.
        slots: The slot types, sorted.
        trainable: Which tensors learnt; but for ``all``, the files hold only these, and the base the rest.
        files: File name → SHA-256.
        bytes: Size of the weights.
        seconds_per_example: What training one example once took where it was made, for estimates.
        evaluation: Its score where it was made.
        temperatures: What its scores are divided by before they become confidences.
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
    evaluation: Evaluation | None = None
    temperatures: Temperatures = PLAIN
    created_at: datetime


class Deployment(Contract):
    """Which checkpoint serves a language; the highest number is live."""

    number: int = Field(ge=1)
    checkpoint_id: Identifier
    reason: str
    job_id: Identifier | None = None
    created_at: datetime
