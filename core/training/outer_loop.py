"""The outer loop of Algorithm 1, the same for meta-train and meta-adapt."""

import math
from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch

from core.contracts.hyperparameters import MetaSettings
from core.errors import TrainingDiverged
from core.progress import ProgressTracker
from core.tasks.engine import Episode, Learner
from core.tasks.shots import minibatch_count
from core.training.inner_loop import GRADIENTS, EpisodeGradient, Trial, chained_gradient, trainable
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
        episodes: Drawn from the stage's distribution, as many as are asked for.
        settings: α, β, n and b.
        steps: Outer steps.
        seed: Two runs with one seed are identical on a CPU.
        tracker: Told of each outer step; may raise `JobCancelled`.
        stage: ``meta-train`` or ``meta-adapt`` (section 2.4), under which progress is told.

    Raises:
        TrainingDiverged: A loss is no longer finite.
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
    """Put the mean of the episodes' query gradients into `.grad`; the weights stay as they are.

    Returns:
        Mean support loss and mean query loss.

    Raises:
        TrainingDiverged: A loss is not finite.
    """
    weights = trainable(learner.model)
    total: list[torch.Tensor] | None = None
    share = 1 / len(meta_batch) if meta_batch else 0.0
    found: list[EpisodeGradient] = []
    for episode in meta_batch:
        one = _episode_gradient(learner, episode, settings)
        if not math.isfinite(one.query_loss):
            raise TrainingDiverged(f"a query loss is {one.query_loss}; try smaller learning rates")
        gradients = [one.gradients[name] for name in weights]
        if total is None:
            total = _parted(gradients)
            if share != 1:  # one episode a step: a pass over all the gradients less
                torch._foreach_mul_(total, share)
        else:
            torch._foreach_add_(total, gradients, alpha=share)
        found.append(EpisodeGradient({}, one.support_loss, one.query_loss))
    if total is None:
        raise ValueError("a meta-batch needs at least one episode")
    for parameter, gradient in zip(weights.values(), total, strict=True):
        parameter.grad = gradient
    return (
        sum(one.support_loss for one in found) / len(found),
        sum(one.query_loss for one in found) / len(found),
    )


def _parted(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return tensors that may be changed in place, each by itself.

    Autograd may give two parameters one and the same gradient, or one number spread over a whole tensor.
    """
    seen: set[int] = set()
    found = []
    for tensor in tensors:
        place = tensor.untyped_storage().data_ptr()
        shared = place in seen or 0 in tensor.stride()
        found.append(tensor.clone(memory_format=torch.contiguous_format) if shared else tensor)
        seen.add(place)
    return found


def minibatches(support: Sequence[FeaturesT], inner_steps: int) -> list[list[FeaturesT]]:
    """Give each inner step its examples: S cut into as many parts as its size allows, in turn."""
    parts = minibatch_count(len(support), inner_steps)
    cut = [list(support[part::parts]) for part in range(parts)]
    return [cut[step % parts] for step in range(inner_steps)]


def _episode_gradient(
    learner: Learner[FeaturesT], episode: Episode[FeaturesT], settings: MetaSettings
) -> EpisodeGradient:
    supports, query = _trial(learner, episode, settings)
    if episode.then is not None:
        chain = [(supports, query), _trial(learner, episode.then, settings)]
        return chained_gradient(learner.model, chain, settings.inner_lr)
    return GRADIENTS[settings.inner_loop](learner.model, supports, query, settings.inner_lr)


def _trial(learner: Learner[FeaturesT], episode: Episode[FeaturesT], settings: MetaSettings) -> Trial:
    supports = [learner.batch(part) for part in minibatches(episode.support, settings.inner_steps)]
    return supports, learner.batch(episode.query)
