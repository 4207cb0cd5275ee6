"""Outer loop of Algorithm 1, shared by meta-train and meta-adapt."""

import math
from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch

from core.contracts.hyperparameters import MetaSettings
from core.errors import TrainingDiverged
from core.progress import ProgressTracker
from core.tasks.engine import Episode, Learner
from core.tasks.shots import minibatch_count
from core.training.inner_loop import GRADIENTS, EpisodeBatches, EpisodeGradient, chained_gradient, trainable
from core.training.optimiser import OuterOptimiser, seed_everything

FeaturesT = TypeVar("FeaturesT")


def meta_stage(
    learner: Learner[FeaturesT],
    episodes: Iterator[Episode[FeaturesT]],
    settings: MetaSettings,
    *,
    steps: int,
    seed: int,
    tracker: ProgressTracker,
    stage: str,
) -> None:
    """Run one stage of Algorithm 1.

    Args:
        learner: Trained in place, from θ to the stage's θ'.
        episodes: Episodes from the stage's distribution, without end.
        settings: α, β, n and b.
        steps: Number of outer steps.
        seed: Two runs with the same seed are identical on a CPU.
        tracker: Receives each outer step; may raise `JobCancelled`.
        stage: Name of the stage in the progress: ``meta-train`` or ``meta-adapt`` (section 2.4).

    Raises:
        TrainingDiverged: A loss is not finite.
    """
    seed_everything(seed)
    optimiser = OuterOptimiser(
        learner, encoder_lr=settings.outer_lr, heads_lr=settings.heads_outer_lr, steps=steps, warmup=0.1
    )
    learner.model.train()
    tracker.begin(stage, steps)
    for step in range(1, steps + 1):
        meta_batch = [next(episodes) for _ in range(settings.meta_batch_size)]
        support_loss, query_loss = outer_step(learner, meta_batch, settings)
        optimiser.step()
        tracker.step(step, {"support_loss": support_loss, "query_loss": query_loss})


def outer_step(
    learner: Learner[FeaturesT], meta_batch: Sequence[Episode[FeaturesT]], settings: MetaSettings
) -> tuple[float, float]:
    """Store the mean of the episodes' query gradients in `.grad`; the weights are not changed.

    Returns:
        Mean support loss and mean query loss.

    Raises:
        TrainingDiverged: A loss is not finite.
        ValueError: The meta-batch is empty.
    """
    weights = trainable(learner.model)
    total: list[torch.Tensor] | None = None
    share = 1 / len(meta_batch) if meta_batch else 0.0
    losses: list[tuple[float, float]] = []  # support and query loss of each episode
    for episode in meta_batch:
        result = _episode_gradient(learner, episode, settings)
        if not math.isfinite(result.query_loss):
            raise TrainingDiverged(f"a query loss is {result.query_loss}; try smaller learning rates")
        gradients = [result.gradients[name] for name in weights]
        if total is None:
            total = _without_shared_memory(gradients)
            if share != 1:  # with one episode a step, this saves a pass over all the gradients
                torch._foreach_mul_(total, share)
        else:
            torch._foreach_add_(total, gradients, alpha=share)
        losses.append((result.support_loss, result.query_loss))
    if total is None:
        raise ValueError("a meta-batch needs at least one episode")
    for parameter, gradient in zip(weights.values(), total, strict=True):
        parameter.grad = gradient
    support_losses, query_losses = zip(*losses, strict=True)
    return sum(support_losses) / len(losses), sum(query_losses) / len(losses)


def _without_shared_memory(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return tensors that can be changed in place independently of each other.

    Autograd may return the same gradient for two parameters, or a single number expanded to a whole tensor.
    """
    addresses: set[int] = set()
    independent = []
    for tensor in tensors:
        address = tensor.untyped_storage().data_ptr()
        is_shared = address in addresses or 0 in tensor.stride()
        independent.append(tensor.clone(memory_format=torch.contiguous_format) if is_shared else tensor)
        addresses.add(address)
    return independent


def minibatches(support: Sequence[FeaturesT], inner_steps: int) -> list[list[FeaturesT]]:
    """Return the examples of each inner step: S is divided into as many parts as its size allows."""
    count = minibatch_count(len(support), inner_steps)
    parts = [list(support[part::count]) for part in range(count)]
    return [parts[step % count] for step in range(inner_steps)]


def _episode_gradient(
    learner: Learner[FeaturesT], episode: Episode[FeaturesT], settings: MetaSettings
) -> EpisodeGradient:
    supports, query = _episode_batches(learner, episode, settings)
    if episode.then is not None:
        chain = [(supports, query), _episode_batches(learner, episode.then, settings)]
        return chained_gradient(learner.model, chain, settings.inner_lr)
    return GRADIENTS[settings.inner_loop](learner.model, supports, query, settings.inner_lr)


def _episode_batches(
    learner: Learner[FeaturesT], episode: Episode[FeaturesT], settings: MetaSettings
) -> EpisodeBatches:
    supports = [learner.batch(part) for part in minibatches(episode.support, settings.inner_steps)]
    return supports, learner.batch(episode.query)
