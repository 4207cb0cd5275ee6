"""How a model learns: rates, steps, shots."""

import math
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from core.contracts.values import Contract, Trainable

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
