"""Supervised fine-tuning: PRE on the source language, FT on the target language."""

import math
import random
from collections.abc import Iterator, Sequence, Sized
from typing import TypeVar

from core.contracts.hyperparameters import FineTuneSettings
from core.errors import TrainingDiverged
from core.progress import ProgressTracker
from core.tasks.engine import Learner
from core.training.optimiser import OuterOptimiser, seed_everything

SizedT = TypeVar("SizedT", bound=Sized)
"""Features whose length is their number of tokens."""

BUCKET_BATCHES = 16
"""Number of batches that are sorted by length together: little padding, and a different order each epoch."""


def fine_tune(
    learner: Learner[SizedT],
    examples: Sequence[SizedT],
    settings: FineTuneSettings,
    *,
    seed: int,
    tracker: ProgressTracker,
    stage: str = "fine-tune",
    auxiliary: Sequence[SizedT] = (),
) -> None:
    """Train on the examples for a fixed number of steps.

    Args:
        learner: Trained in place.
        examples: At least one.
        settings: Learning rates, epochs and batch size.
        seed: Two runs with the same seed are identical on a CPU.
        tracker: Receives each step; may raise `JobCancelled`.
        stage: Name of the stage in the progress.
        auxiliary: Further examples for joint training. Each batch gets as many of them as of `examples`, so
            that both have the same weight (Schmidt et al. 2022, "Don't stop fine-tuning").

    Raises:
        TrainingDiverged: A loss is not finite.
    """
    seed_everything(seed)
    total = settings.steps(len(examples))
    optimiser = OuterOptimiser(
        learner,
        encoder_lr=settings.encoder_lr,
        heads_lr=settings.heads_lr,
        steps=total,
        warmup=settings.warmup,
        weight_decay=settings.weight_decay,
    )
    batches = shuffled_batches(examples, settings.batch_size, seed=seed)
    if auxiliary:
        size = min(settings.batch_size, len(examples))
        auxiliary_batches = shuffled_batches(auxiliary, size, seed=seed)
        batches = (batch + more for batch, more in zip(batches, auxiliary_batches, strict=False))
    learner.model.train()
    tracker.begin(stage, total)
    for step in range(1, total + 1):
        loss = learner.model(learner.batch(next(batches)))
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingDiverged(f"the loss of step {step} is {value}; try smaller learning rates")
        loss.backward()
        optimiser.step()
        tracker.step(step, {"loss": value})


def shuffled_batches(examples: Sequence[SizedT], batch_size: int, *, seed: int) -> Iterator[list[SizedT]]:
    """Yield batches of similar length without end, with every example once an epoch."""
    generator = random.Random(seed)  # noqa: S311 - reproducible, not secret
    order = list(range(len(examples)))
    while True:
        generator.shuffle(order)
        epoch: list[list[SizedT]] = []
        for start in range(0, len(order), batch_size * BUCKET_BATCHES):
            bucket = sorted(
                order[start : start + batch_size * BUCKET_BATCHES], key=lambda index: len(examples[index])
            )
            epoch.extend(
                [examples[index] for index in bucket[offset : offset + batch_size]]
                for offset in range(0, len(bucket), batch_size)
            )
        generator.shuffle(epoch)
        yield from epoch
