"""The inner loop of Algorithm 1: from θ to fast weights φ on the support, then a gradient on the query."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from core.contracts.hyperparameters import InnerLoop
from core.learning import maml

Weights = dict[str, Tensor]
"""Parameter name → tensor; only those that are trained."""

Trial = tuple[Sequence[object], object]
"""The support batch of each inner step, and the query batch."""


@dataclass(frozen=True, slots=True)
class EpisodeGradient:
    """What one episode gives the outer step.

    Attributes:
        gradients: ∇ of the query loss, name → tensor, at φ (first order) or through φ (second order).
        support_loss: Mean loss on the support before each inner step.
        query_loss: Loss on the query after the inner loop.
    """

    gradients: Weights
    support_loss: float
    query_loss: float


GradientFunction = Callable[[nn.Module, Sequence[object], Any, float], EpisodeGradient]
"""(model, the support batch of each inner step, query batch, α) → gradient."""


def trainable(model: nn.Module) -> Weights:
    """Return the tensors that are trained, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def fast_weights(
    model: nn.Module, supports: Sequence[object], inner_lr: float, *, start: Weights | None = None
) -> tuple[Weights, float]:
    """Take plain SGD steps on copies of the trainable tensors; the model itself stays as it is.

    Args:
        model: `model(batch)` is a mean loss.
        supports: The batch of each step.
        inner_lr: α.
        start: Fast weights to go on from, in place; None for copies of the model's.

    Returns:
        φ, as leaves that require gradients, and the mean support loss.
    """
    fast = start or {name: p.detach().clone().requires_grad_() for name, p in trainable(model).items()}
    leaves = list(fast.values())
    losses = []
    for batch in supports:
        loss = functional_call(model, fast, (batch,))
        gradients = torch.autograd.grad(loss, leaves)
        with torch.no_grad():
            torch._foreach_add_(leaves, gradients, alpha=-inner_lr)
        losses.append(float(loss.detach()))
    return fast, sum(losses) / len(losses)


def fused_gradient(
    model: nn.Module,
    supports: Sequence[object],
    query: object,
    inner_lr: float,
) -> EpisodeGradient:
    """First order, in place: one copy of the weights an episode, one fused update a step."""
    return chained_gradient(model, [(supports, query)], inner_lr)


def chained_gradient(model: nn.Module, chain: Sequence[Trial], inner_lr: float) -> EpisodeGradient:
    """First order, of episodes that the same fast weights go through one after the other.

    Returns:
        The sum of the gradients on each query, each at the weights of that moment, and mean losses.
    """
    fast: Weights | None = None
    total: list[Tensor] = []
    support_losses, query_losses = [], []
    for supports, query in chain:
        fast, support_loss = fast_weights(model, supports, inner_lr, start=fast)
        loss = functional_call(model, fast, (query,))
        gradients = torch.autograd.grad(loss, list(fast.values()))
        # A new list each time: autograd may give two tensors one and the same gradient.
        total = list(torch._foreach_add(total, gradients)) if total else list(gradients)
        support_losses.append(support_loss)
        query_losses.append(float(loss.detach()))
    return EpisodeGradient(
        dict(zip(fast or {}, total, strict=True)),
        sum(support_losses) / len(support_losses),
        sum(query_losses) / len(query_losses),
    )


def learn2learn_gradient(
    model: nn.Module,
    supports: Sequence[object],
    query: object,
    inner_lr: float,
) -> EpisodeGradient:
    """First order by learn2learn: the reference that the fused loop is tested against."""
    return _by_learn2learn(model, supports, query, inner_lr=inner_lr, first_order=True)


def second_order_gradient(
    model: nn.Module,
    supports: Sequence[object],
    query: object,
    inner_lr: float,
) -> EpisodeGradient:
    """Full MAML by learn2learn: the gradient runs through every inner step.

    Attention runs in its plain form: the fused kernels have no second derivative.
    """
    with sdpa_kernel(SDPBackend.MATH):
        return _by_learn2learn(model, supports, query, inner_lr=inner_lr, first_order=False)


def _by_learn2learn(
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
