"""Requests for work, and the record of it."""

import math
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from core.contracts.reports import AdaptPlan, Report
from core.contracts.values import (
    Contract,
    Identifier,
    LanguageTag,
    Method,
    Promotion,
    TaskName,
    Trainable,
)

EncoderName = Annotated[str, Field(min_length=1, max_length=512)]
Rate = Annotated[float, Field(gt=0, le=1)]


class InnerLoop(StrEnum):
    """Who computes the inner loop; all three are tested against each other."""

    FUSED = "fused"
    LEARN2LEARN = "learn2learn"
    SECOND_ORDER = "second-order"


class Schedule(StrEnum):
    """How the two stages of X-METRA-ADA follow each other.

    Attributes:
        SEQUENTIAL: Meta-train, then meta-adapt (the paper).
        INTERLEAVED: After each episode of meta-train its fast weights go through one of meta-adapt, and
            one outer step follows from both (the paper's released code).
    """

    SEQUENTIAL = "sequential"
    INTERLEAVED = "interleaved"


class FineTuneSettings(Contract):
    """Plain training: PRE and FT.

    Attributes:
        encoder_lr: Peak AdamW rate of the encoder.
        heads_lr: Peak AdamW rate of the intent head, the slot head and the CRF.
        epochs: Passes over the data; a fraction is allowed.
        batch_size: Examples in a step.
        min_steps: Steps that a small dataset gets at least, whatever its epochs.
        weight_decay: AdamW's.
        warmup: Fraction of the steps in which the rate rises linearly; then it falls linearly to zero.
    """

    encoder_lr: Rate = 2e-4
    heads_lr: Rate = 1e-3
    epochs: Annotated[float, Field(gt=0, le=200)] = 8.0
    batch_size: Annotated[int, Field(ge=1, le=512)] = 16
    min_steps: Annotated[int, Field(ge=1, le=10_000)] = 100
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1

    def steps(self, examples: int) -> int:
        """Return the optimiser steps of a run over so many examples."""
        # Whole batches an epoch: the last one may be small, but it is a step.
        return max(self.min_steps, math.ceil(math.ceil(examples / self.batch_size) * self.epochs))


class PretrainSettings(FineTuneSettings):
    """PRE: a base from source-language data; the defaults suit thousands of examples."""

    epochs: Annotated[float, Field(gt=0, le=200)] = 3.0
    batch_size: Annotated[int, Field(ge=1, le=512)] = 32
    min_steps: Annotated[int, Field(ge=1, le=10_000)] = 1


class MetaSettings(Contract):
    """X-METRA-ADA: Algorithm 1, both stages.

    Attributes:
        inner_lr: α, the plain SGD rate of the inner loop.
        outer_lr: β for the encoder (Adam); a full encoder diverges at the paper's 1e-2.
        heads_outer_lr: β for the heads and the CRF.
        inner_steps: n; the support set is cut into n minibatches, one a step.
        k_shot: Support examples an intent, at most; None for as many as make a side of a dozen.
        q_shot: Query examples an intent, at most; None for as many as make a side of a dozen.
        meta_batch_size: b, episodes in an outer step.
        query_passes: How often a stage asks each example of its pool, on average; gives its steps.
        min_steps: Outer steps of meta-train at least; of meta-adapt in proportion to its pool.
        meta_train_steps: Outer steps of meta-train, instead of what `query_passes` gives.
        meta_adapt_steps: The same of meta-adapt.
        schedule: How the two stages follow each other.
        inner_loop: Who computes it; only ``fused`` knows the interleaved schedule.
    """

    inner_lr: Rate = 3e-4
    outer_lr: Rate = 2e-4
    heads_outer_lr: Rate = 1e-3
    inner_steps: Annotated[int, Field(ge=1, le=50)] = 1
    k_shot: Annotated[int, Field(ge=1, le=100)] | None = None
    q_shot: Annotated[int, Field(ge=1, le=100)] | None = None
    meta_batch_size: Annotated[int, Field(ge=1, le=64)] = 1
    query_passes: Annotated[float, Field(gt=0, le=1_000)] = 7.0
    min_steps: Annotated[int, Field(ge=1, le=10_000)] = 100
    meta_train_steps: Annotated[int, Field(ge=1, le=10_000)] | None = None
    meta_adapt_steps: Annotated[int, Field(ge=1, le=10_000)] | None = None
    schedule: Schedule = Schedule.SEQUENTIAL
    inner_loop: InnerLoop = InnerLoop.FUSED

    @model_validator(mode="after")
    def _computable(self) -> Self:
        if self.schedule is Schedule.INTERLEAVED and self.inner_loop is not InnerLoop.FUSED:
            raise ValueError(f"the interleaved schedule needs inner_loop fused, not {self.inner_loop}")
        return self

    def steps(self, pool: int, queries: float, *, least: int) -> int:
        """Return the outer steps of a stage.

        Args:
            pool: Target examples it draws queries from.
            queries: Queries in one episode, on average.
            least: Steps however small the pool.
        """
        asked = max(1.0, queries) * self.meta_batch_size
        return max(least, math.ceil(pool * self.query_passes / asked))


class Hyperparameters(Contract):
    """How an adaptation learns; every default was measured (benchmarks/RESULTS.md).

    Attributes:
        seed: What all chance comes from.
        trainable: Which tensors learn.
        tune: Whether plain training first tries rates and epochs on a fifth of the few-shot data.
    """

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 42
    trainable: Trainable = Trainable.ALL
    tune: bool = False
    fine_tune: FineTuneSettings = FineTuneSettings()
    meta: MetaSettings = MetaSettings()


class QaFineTuneSettings(FineTuneSettings):
    """The same for questions: windows are long, so batches are small."""

    encoder_lr: Rate = 2e-4
    batch_size: Annotated[int, Field(ge=1, le=512)] = 8
    epochs: Annotated[float, Field(gt=0, le=200)] = 4.0


class QaPretrainSettings(PretrainSettings):
    """PRE for questions."""

    batch_size: Annotated[int, Field(ge=1, le=512)] = 16


class QaMetaSettings(MetaSettings):
    """X-METRA-ADA for questions.

    Attributes:
        k_shot: Support questions of an episode, a multiple of q_shot; None for six.
        q_shot: Query questions of an episode; None for six.
    """


class QaHyperparameters(Hyperparameters):
    """How an adaptation of questions learns; what was tried is in benchmarks/RESULTS.md."""

    fine_tune: QaFineTuneSettings = QaFineTuneSettings()
    meta: QaMetaSettings = QaMetaSettings()


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
