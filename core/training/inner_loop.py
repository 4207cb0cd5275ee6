"""Inner loop of Algorithm 1: SGD on the support from θ to fast weights φ, then the gradient on the query."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from core.contracts.hyperparameters import InnerLoop
from core.training import maml

Weights = dict[str, Tensor]
"""Parameter name → tensor, for the trainable parameters."""

EpisodeBatches = tuple[Sequence[object], object]
"""The support batch of each inner step, and the query batch."""


@dataclass(frozen=True, slots=True)
class EpisodeGradient:
    """Gradient and losses of an episode.

    Attributes:
        gradients: ∇ of the query loss, name → tensor, at φ (first order) or through φ (second order).
        support_loss: Loss on the support before each inner step, averaged over the steps.
        query_loss: Loss on the query after the inner loop.
    """

    gradients: Weights
    support_loss: float
    query_loss: float


GradientFunction = Callable[[nn.Module, Sequence[object], Any, float], EpisodeGradient]
"""(model, the support batch of each inner step, query batch, α) → gradient."""


def trainable(model: nn.Module) -> Weights:
    """Return the trainable parameters by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


@contextmanager
def fast_weights(model: nn.Module) -> Iterator[Weights]:
    """Replace the data of the trainable parameters by copies, φ, and restore θ on exit.

    The storage of a parameter is exchanged, not the parameter: nothing is copied back, and parameters are
    not substituted in the module at each forward pass, as `functional_call` does.

    Args:
        model: The model whose trainable parameters become fast weights.

    Yields:
        The parameters by name.
    """
    weights = trainable(model)
    theta = [parameter.data for parameter in weights.values()]
    try:
        for parameter, data in zip(weights.values(), theta, strict=True):
            parameter.data = data.clone()
        yield weights
    finally:
        for parameter, data in zip(weights.values(), theta, strict=True):
            parameter.data = data


def inner_loop(model: nn.Module, fast: Weights, supports: Sequence[object], inner_lr: float) -> float:
    """Take plain SGD steps in place.

    Args:
        model: `model(batch)` returns a mean loss.
        fast: The parameters to update.
        supports: The batch of each step.
        inner_lr: α.

    Returns:
        The mean support loss.
    """
    leaves = list(fast.values())
    losses = []
    for batch in supports:
        loss = model(batch)
        gradients = torch.autograd.grad(loss, leaves)
        with torch.no_grad():
            torch._foreach_add_(leaves, gradients, alpha=-inner_lr)
        losses.append(float(loss.detach()))
    return sum(losses) / len(losses)


def fused_gradient(
    model: nn.Module,
    supports: Sequence[object],
    query: object,
    inner_lr: float,
) -> EpisodeGradient:
    """Return the first-order gradient: one copy of the weights an episode, one fused update a step."""
    return chained_gradient(model, [(supports, query)], inner_lr)


def chained_gradient(model: nn.Module, chain: Sequence[EpisodeBatches], inner_lr: float) -> EpisodeGradient:
    """Return the first-order gradient of a sequence of episodes that share their fast weights.

    Returns:
        The sum of the gradients on each query, each at the fast weights after its own support, and the mean
        losses.
    """
    total: list[Tensor] = []
    support_losses, query_losses = [], []
    with fast_weights(model) as fast:
        for supports, query in chain:
            support_losses.append(inner_loop(model, fast, supports, inner_lr))
            loss = model(query)
            gradients = torch.autograd.grad(loss, list(fast.values()))
            # Out of place: autograd may return the same gradient tensor for two parameters.
            total = list(torch._foreach_add(total, gradients)) if total else list(gradients)
            query_losses.append(float(loss.detach()))
    return EpisodeGradient(
        dict(zip(fast, total, strict=True)),
        sum(support_losses) / len(support_losses),
        sum(query_losses) / len(query_losses),
    )


def learn2learn_gradient(
    model: nn.Module,
    supports: Sequence[object],
    query: object,
    inner_lr: float,
) -> EpisodeGradient:
    """Return the first-order gradient by learn2learn, the reference for tests of the fused loop."""
    return _maml_gradient(model, supports, query, inner_lr=inner_lr, first_order=True)


def second_order_gradient(
    model: nn.Module,
    supports: Sequence[object],
    query: object,
    inner_lr: float,
) -> EpisodeGradient:
    """Return the gradient of full MAML by learn2learn, through every inner step.

    Attention uses the math backend, because the fused kernels have no second derivative.
    """
    with sdpa_kernel(SDPBackend.MATH):
        return _maml_gradient(model, supports, query, inner_lr=inner_lr, first_order=False)


def _maml_gradient(
    model: nn.Module,
    supports: Sequence[object],
    query: object,
    *,
    inner_lr: float,
    first_order: bool,
) -> EpisodeGradient:
    clone = maml.wrap(model, inner_lr=inner_lr, first_order=first_order).clone()
    losses = []
    for batch in supports:
        loss = clone(batch)
        clone.adapt(loss)
        losses.append(float(loss.detach()))
    query_loss = clone(query)
    weights = trainable(model)
    gradients = torch.autograd.grad(query_loss, list(weights.values()))
    return EpisodeGradient(
        dict(zip(weights, gradients, strict=True)),
        sum(losses) / len(losses),
        float(query_loss.detach()),
    )


GRADIENTS: dict[InnerLoop, GradientFunction] = {
    InnerLoop.FUSED: fused_gradient,
    InnerLoop.LEARN2LEARN: learn2learn_gradient,
    InnerLoop.SECOND_ORDER: second_order_gradient,
}
