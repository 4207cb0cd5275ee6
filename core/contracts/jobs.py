"""Training jobs, their records and their events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from core.contracts.docstrings import DescribedEnum
from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.contracts.reports import AdaptPlan, Report
from core.contracts.task_options import AnyOptions, EncoderName, with_options
from core.contracts.values import Contract, Identifier, LanguageTag, Method, Promotion, TaskName


class JobKind(DescribedEnum):
    """Kind of a job.

    Attributes:
        PRETRAIN: Training of a base.
        ADAPT: Adaptation of a base to a language.
    """

    PRETRAIN = "pretrain"
    ADAPT = "adapt"


class JobStatus(DescribedEnum):
    """Status of a job.

    Attributes:
        QUEUED: It waits for a worker.
        RUNNING: A worker runs it.
        CANCELLING: It runs, and stops at its next step.
        CANCELLED: It was cancelled; final.
        SUCCEEDED: It has a report; final.
        FAILED: It has an error; final.
    """

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether no other status can follow."""
        return self in {JobStatus.CANCELLED, JobStatus.SUCCEEDED, JobStatus.FAILED}


class AdaptJob(Contract):
    """An adaptation, as the worker reads it; the examples are in the store.

    Attributes:
        kind: Always `adapt`.
        task: The task.
        language: BCP-47 tag of the target language.
        dataset_id: Dataset of the few-shot examples.
        evaluation_dataset_id: Dataset of held-out examples, or null to hold out `evaluation_fraction`.
        evaluation_fraction: Share of the few-shot examples to hold out if there is no evaluation dataset,
            between 0 and 1.
        base_id: The checkpoint to start from.
        method: The training method.
        baselines: Other methods to train and report for comparison; they are never deployed.
        hyperparameters: Rates, steps, shots and seed.
        promote: When the result replaces the checkpoint that serves the language.
        options: Options that only this task has.
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
    options: AnyOptions = Field(default_factory=dict, validate_default=True)
    keep: bool = True

    @model_validator(mode="before")
    @classmethod
    def _from_version_0_1(cls, document: Any) -> Any:  # noqa: ANN401
        """Read the options where version 0.1 stored them."""
        return with_options(document) if isinstance(document, Mapping) else document

    @model_validator(mode="after")
    def _servable(self) -> Self:
        if not self.keep and self.promote is not Promotion.NEVER:
            raise ValueError(
                f"a model that is not kept cannot serve: promote must be never, not {self.promote}"
            )
        return self


class PretrainJob(Contract):
    """The training of a base (PRE), as the worker reads it.

    Attributes:
        kind: Always `pretrain`.
        task: The task.
        source_language: BCP-47 tag of the source language.
        dataset_id: Dataset of the training examples.
        evaluation_dataset_id: Dataset of held-out examples, or null to hold out `evaluation_fraction`.
        evaluation_fraction: Share of the training examples to hold out if there is no evaluation dataset,
            between 0 and 1.
        settings: Rates, epochs and batch size.
        seed: Seed of all random numbers.
        promote: When the new base replaces the one that serves.
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
    """Progress of a job.

    Attributes:
        percent: Share of the whole job that is done, 0 to 100.
        stage: The current stage, for people: ``meta-train``, ``evaluate base``…
        step: Number of steps done in this stage.
        total_steps: Number of steps of this stage.
        eta_seconds: Estimated seconds to the end of the job; null if there is no estimate yet.
        metrics: Name → latest loss or learning rate.
    """

    percent: Annotated[float, Field(ge=0, le=100)] = 0.0
    stage: str = "queued"
    step: int = 0
    total_steps: int = 0
    eta_seconds: float | None = None
    metrics: dict[str, float] = {}


class Problem(Contract):
    """Why a job failed, in the shape of RFC 9457.

    Attributes:
        type: URI of the kind of problem.
        title: The kind of problem, in a few words.
        detail: What went wrong, in one sentence.
        errors: Faults with their `pointer` and `detail`, if the input was invalid.
    """

    type: str = "about:blank"
    title: str
    detail: str
    errors: tuple[dict[str, str], ...] = ()


class JobRecord(Contract):
    """The durable record of a job, as `GET /jobs/{id}` returns it.

    Attributes:
        job_id: Id of the job.
        kind: `pretrain` or `adapt`.
        task: The task.
        language: BCP-47 tag of the language that is trained.
        status: The state of the job; `succeeded`, `failed` and `cancelled` are final.
        request: What the worker does.
        plan: Split sizes, stages, shots and estimated time of an adaptation; null for a base.
        progress: The latest progress.
        attempts: How often a worker has started the job.
        checkpoint_id: The checkpoint that was made; null unless one was stored.
        report: Scores, baselines and decision; null until the job has succeeded.
        error: Why the job failed; null if it did not.
        created_at: Time of submission, in UTC.
        started_at: Start of the latest attempt, in UTC; null while the job waits.
        ended_at: Time of the final status, in UTC; null before it.
    """

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
    """An event of a job: a change of status, or progress.

    Attributes:
        event: ``status`` or ``progress``.
        at: Time of the event, in UTC.
        data: The progress, or ``{"status": …}``.
    """

    event: Literal["status", "progress"]
    at: datetime
    data: dict[str, Any]
