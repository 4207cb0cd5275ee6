"""Hyperparameters of training: learning rates, steps and shots."""

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from core.contracts.docstrings import DescribedEnum
from core.contracts.values import Contract, Trainable

Rate = Annotated[float, Field(gt=0, le=1)]


class InnerLoop(DescribedEnum):
    """Implementation of the inner loop; all three are tested against each other.

    Attributes:
        FUSED: First-order MAML with one copy of the weights for each episode and fused updates.
        LEARN2LEARN: First-order MAML by the library learn2learn, the reference for `FUSED`.
        SECOND_ORDER: Full MAML by learn2learn: the gradient runs through every inner step.
    """

    FUSED = "fused"
    LEARN2LEARN = "learn2learn"
    SECOND_ORDER = "second-order"


class Schedule(DescribedEnum):
    """Order of the two stages of X-METRA-ADA.

    Attributes:
        SEQUENTIAL: Meta-train, then meta-adapt (the paper).
        INTERLEAVED: The fast weights of each episode of meta-train go through an episode of meta-adapt, and
            one outer step uses both (the paper's released code).
    """

    SEQUENTIAL = "sequential"
    INTERLEAVED = "interleaved"


class FineTuneSettings(Contract):
    """Plain training: PRE and FT.

    Attributes:
        encoder_lr: Peak learning rate of the encoder (AdamW), above 0, at most 1.
        heads_lr: Peak learning rate of the heads (AdamW), above 0, at most 1.
        epochs: Passes over the data, above 0, at most 200; fractions are allowed.
        batch_size: Examples in a step, 1 to 512.
        min_steps: Minimum of optimiser steps, whatever the epochs, 1 to 10,000.
        weight_decay: Weight decay of AdamW, 0 to 1.
        warmup: Share of the steps in which the learning rate rises linearly, 0 to below 1; then it falls
            linearly to zero.
    """

    encoder_lr: Rate = 2e-4
    heads_lr: Rate = 1e-3
    epochs: Annotated[float, Field(gt=0, le=200)] = 8.0
    batch_size: Annotated[int, Field(ge=1, le=512)] = 16
    min_steps: Annotated[int, Field(ge=1, le=10_000)] = 100
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1

    def steps(self, examples: int) -> int:
        """Return the number of optimiser steps for a number of examples."""
        # Batches of an epoch are rounded up: the last one may be small, but it is a step.
        return max(self.min_steps, math.ceil(math.ceil(examples / self.batch_size) * self.epochs))


class PretrainSettings(FineTuneSettings):
    """PRE: a base from source-language data; the defaults suit thousands of examples."""

    epochs: Annotated[float, Field(gt=0, le=200)] = 3.0
    batch_size: Annotated[int, Field(ge=1, le=512)] = 32
    min_steps: Annotated[int, Field(ge=1, le=10_000)] = 1


class MetaSettings(Contract):
    """X-METRA-ADA: Algorithm 1, both stages.

    Attributes:
        inner_lr: α, the learning rate of the inner loop (SGD), above 0, at most 1.
        outer_lr: β, the outer learning rate of the encoder (Adam), above 0, at most 1; a full encoder
            diverges at the paper's 1e-2.
        heads_outer_lr: β of the heads, above 0, at most 1.
        inner_steps: n, the steps of the inner loop, 1 to 50; the support set is split into n minibatches.
        k_shot: Maximum of support examples for each intent, 1 to 100; by default, as many as make a support
            set of a dozen.
        q_shot: Maximum of query examples for each intent, 1 to 100; by default, as many as make a query set
            of a dozen.
        meta_batch_size: b, the episodes in an outer step, 1 to 64.
        query_passes: How often a stage uses each example of its pool as a query, on average, above 0, at most
            1,000; the number of steps follows from it.
        min_steps: Minimum of outer steps of meta-train, 1 to 10,000; that of meta-adapt is in proportion to
            its pool.
        meta_train_steps: Outer steps of meta-train, 1 to 10,000; by default, from `query_passes`.
        meta_adapt_steps: Outer steps of meta-adapt, 1 to 10,000; by default, from `query_passes`.
        schedule: Order of the two stages.
        inner_loop: Implementation of the inner loop; the interleaved schedule needs ``fused``.
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
        queries_per_step = max(1.0, queries) * self.meta_batch_size
        return max(least, math.ceil(pool * self.query_passes / queries_per_step))


class Hyperparameters(Contract):
    """Hyperparameters of an adaptation; every default was measured (benchmarks/RESULTS.md).

    Attributes:
        seed: Seed of all random numbers.
        trainable: Which tensors are trained.
        tune: Whether plain training first tries rates and epochs on a fifth of the few-shot data.
        fine_tune: Settings of plain training (FT, FT-EN, MONO).
        meta: Settings of X-METRA-ADA.
    """

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 42
    trainable: Trainable = Trainable.ALL
    tune: bool = False
    fine_tune: FineTuneSettings = FineTuneSettings()
    meta: MetaSettings = MetaSettings()


class QaFineTuneSettings(FineTuneSettings):
    """Plain training on questions: windows are long, so batches are small."""

    encoder_lr: Rate = 2e-4
    batch_size: Annotated[int, Field(ge=1, le=512)] = 8
    epochs: Annotated[float, Field(gt=0, le=200)] = 4.0


class QaPretrainSettings(PretrainSettings):
    """PRE on questions."""

    batch_size: Annotated[int, Field(ge=1, le=512)] = 16


class QaMetaSettings(MetaSettings):
    """X-METRA-ADA on questions.

    Attributes:
        k_shot: Support questions of an episode, a multiple of `q_shot`; 6 by default.
        q_shot: Query questions of an episode; 6 by default.
    """


class QaHyperparameters(Hyperparameters):
    """Hyperparameters of an adaptation on questions; the measurements are in benchmarks/RESULTS.md."""

    fine_tune: QaFineTuneSettings = QaFineTuneSettings()
    meta: QaMetaSettings = QaMetaSettings()
