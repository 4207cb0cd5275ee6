"""Plain training: PRE on the source, FT on the target."""

import math
import random
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from core.contracts.hyperparameters import FineTuneSettings
from core.errors import TrainingDiverged
from core.progress import ProgressTracker
from core.tasks.engine import Learner
from core.training.optimiser import OuterOptimiser, seed_everything


class Sized(Protocol):
    """Anything with a length in tokens."""

    def __len__(self) -> int: ...


SizedT = TypeVar("SizedT", bound=Sized)

BUCKET_BATCHES = 16
"""Batches sorted by length together: little padding, and still a different order each epoch."""


def fine_tune(
    learner: Learner[SizedT],
    examples: Sequence[SizedT],
    settings: FineTuneSettings,
    *,
    seed: int,
    tracker: ProgressTracker,
    stage: str = "fine-tune",
    beside: Sequence[SizedT] = (),
) -> None:
    """Train on the examples for a fixed number of steps.

    Args:
        learner: Trained in place.
        examples: At least one.
        settings: Rates, epochs and batch size.
        seed: Two runs with one seed are identical on a CPU.
        tracker: Told of each step; may raise `JobCancelled`.
        stage: The name under which progress is told.
        beside: Examples of which each batch gets as many again, so that however many there are, they
            weigh as much as the others (joint training: Schmidt et al. 2022, "Don't stop fine-tuning").

    Raises:
        TrainingDiverged: A loss is no longer finite.
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
    if beside:
        size = min(settings.batch_size, len(examples))
        others = shuffled_batches(beside, size, seed=seed)
        batches = (one + other for one, other in zip(batches, others, strict=False))
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
    """Yield batches for ever: every example once an epoch, neighbours of like length."""
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    order = list(range(len(examples)))
    while True:
        draw.shuffle(order)
        epoch: list[list[SizedT]] = []
        for start in range(0, len(order), batch_size * BUCKET_BATCHES):
            bucket = sorted(
                order[start : start + batch_size * BUCKET_BATCHES], key=lambda index: len(examples[index])
            )
            epoch.extend(
                [examples[index] for index in bucket[at : at + batch_size]]
                for at in range(0, len(bucket), batch_size)
            )
        draw.shuffle(epoch)
        yield from epoch
