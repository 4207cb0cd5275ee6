"""Requests for work, and the record of it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.contracts.reports import AdaptPlan, Report
from core.contracts.values import (
    Contract,
    Identifier,
    LanguageTag,
    Method,
    Promotion,
    TaskName,
)

EncoderName = Annotated[str, Field(min_length=1, max_length=512)]


class JobKind(StrEnum):
    """What a job does."""

    PRETRAIN = "pretrain"
    ADAPT = "adapt"


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return self in {JobStatus.CANCELLED, JobStatus.SUCCEEDED, JobStatus.FAILED}


class AdaptJob(Contract):
    """All a worker needs to adapt a language; the examples are in the store.

    Attributes:
        dataset_id: The few-shot examples.
        evaluation_dataset_id: Held-out examples, or None to hold out `evaluation_fraction`.
        evaluation_fraction: Share of the few-shot data held out when no dataset is given.
        base_id: The base checkpoint to start from.
        baselines: Other methods to train beside and report, never to serve.
        similarity: The sentence encoder that finds a question's neighbours; only questions need one.
        keep: Whether the model is kept in the store, and not only its report; an experiment makes thousands.
    """

    kind: Literal[JobKind.ADAPT] = JobKind.ADAPT
    task: TaskName
    language: LanguageTag
    dataset_id: Identifier
    evaluation_dataset_id: Identifier | None = None
    evaluation_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    base_id: Identifier
    method: Method = Method.X_METRA_ADA
    baselines: tuple[Method, ...] = ()
    hyperparameters: Hyperparameters = Hyperparameters()
    promote: Promotion = Promotion.IF_BETTER
    extend_labels: bool = False
    similarity: EncoderName = "embedded"
    keep: bool = True

    @model_validator(mode="after")
    def _servable(self) -> Self:
        if not self.keep and self.promote is not Promotion.NEVER:
            raise ValueError(
                f"a model that is not kept cannot serve: promote must be never, not {self.promote}"
            )
        return self


class PretrainJob(Contract):
    """All a worker needs to make a base (PRE).

    Attributes:
        encoder: ``embedded``, ``embedded-en``, a hub id, or a folder the worker can read.
    """

    kind: Literal[JobKind.PRETRAIN] = JobKind.PRETRAIN
    task: TaskName
    source_language: LanguageTag
    dataset_id: Identifier
    evaluation_dataset_id: Identifier | None = None
    evaluation_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.05
    encoder: EncoderName = "embedded"
    settings: PretrainSettings = PretrainSettings()
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 42
    promote: Promotion = Promotion.IF_BETTER


JobRequest = Annotated[AdaptJob | PretrainJob, Field(discriminator="kind")]


class Progress(Contract):
    """How far a job is.

    Attributes:
        percent: Of the whole job, 0 to 100.
        stage: What is being done, for people: ``meta-train``, ``evaluate base``…
        step: Steps done in this stage.
        total_steps: Steps of this stage.
        eta_seconds: Seconds to the end of the job, or None while nothing is known.
        metrics: The latest losses and rates.
    """

    percent: Annotated[float, Field(ge=0, le=100)] = 0.0
    stage: str = "queued"
    step: int = 0
    total_steps: int = 0
    eta_seconds: float | None = None
    metrics: dict[str, float] = {}


class Problem(Contract):
    """Why a job failed, in the shape of RFC 9457."""

    type: str = "about:blank"
    title: str
    detail: str
    errors: tuple[dict[str, str], ...] = ()


class JobRecord(Contract):
    """The durable record of a job, as `GET /jobs/{id}` shows it."""

    job_id: Identifier
    kind: JobKind
    task: TaskName
    language: LanguageTag
    status: JobStatus = JobStatus.QUEUED
    request: JobRequest
    plan: AdaptPlan | None = None
    progress: Progress = Progress()
    attempts: int = 0
    checkpoint_id: Identifier | None = None
    report: Report | None = None
    error: Problem | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


class JobEvent(Contract):
    """One line of a job's history: a change of status, or a progress.

    Attributes:
        event: ``status`` or ``progress``.
        at: When.
        data: The progress, or ``{"status": …}``.
    """

    event: Literal["status", "progress"]
    at: datetime
    data: dict[str, Any]
