"""Optimiser and learning rate schedule of fine-tuning and of the outer loop."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from core.errors import TrainingDiverged
from core.tasks.engine import Trainable

MAX_GRADIENT_NORM = 1.0
"""Norm at which gradients are clipped, so that an outlier batch does not destroy an encoder; BERT's value."""

_WITHOUT_DECAY = ("bias", "LayerNorm.weight", "layer_norm.weight", "crf.")


class OuterOptimiser:
    """AdamW with separate learning rates for encoder and heads, and a linear schedule over the whole run.

    Args:
        learner: The model to train.
        encoder_lr: Peak learning rate of the encoder.
        heads_lr: Peak learning rate of the heads.
        steps: Number of steps; the learning rate reaches zero just after the last one.
        warmup: Fraction of the steps in which the learning rate rises.
        weight_decay: Weight decay of AdamW, on matrices only.
    """

    def __init__(
        self,
        learner: Trainable,
        *,
        encoder_lr: float,
        heads_lr: float,
        steps: int,
        warmup: float,
        weight_decay: float = 0.01,
    ) -> None:
        names = {id(p): name for name, p in learner.model.named_parameters()}
        self._parameters = [*learner.encoder_parameters, *learner.head_parameters]
        rates = ((learner.encoder_parameters, encoder_lr), (learner.head_parameters, heads_lr))
        groups = [
            {"params": group, "lr": rate, "weight_decay": decay}
            for parameters, rate in rates
            for group, decay in split_by_weight_decay(parameters, names, weight_decay)
            if group
        ]
        self._optimiser = AdamW(groups, fused=True)
        self._schedule = LambdaLR(self._optimiser, linear_warmup_decay(steps, warmup))

    def step(self) -> None:
        """Clip and apply the gradients in `.grad`, then clear them.

        Raises:
            TrainingDiverged: The gradients are not finite.
        """
        norm = nn.utils.get_total_norm([p.grad for p in self._parameters if p.grad is not None])
        if not math.isfinite(float(norm)):
            raise TrainingDiverged("the gradient is no longer finite; try smaller learning rates")
        if norm > MAX_GRADIENT_NORM:
            nn.utils.clip_grads_with_norm_(self._parameters, MAX_GRADIENT_NORM, norm)
        self._optimiser.step()
        self._schedule.step()
        self._optimiser.zero_grad(set_to_none=True)


def seed_everything(seed: int) -> None:
    """Seed torch, so that dropout and initial heads are reproducible."""
    torch.manual_seed(seed)


def split_by_weight_decay(
    parameters: list[nn.Parameter], names: dict[int, str], weight_decay: float
) -> list[tuple[list[nn.Parameter], float]]:
    """Return groups with their weight decay: matrices decay; biases, norms and transitions do not."""
    without = [p for p in parameters if any(mark in names[id(p)] for mark in _WITHOUT_DECAY)]
    excluded = {id(p) for p in without}
    return [([p for p in parameters if id(p) not in excluded], weight_decay), (without, 0.0)]


def linear_warmup_decay(steps: int, warmup: float) -> Callable[[int], float]:
    """Return a schedule that rises linearly for a share of the steps, then falls linearly to zero.

    Args:
        steps: Length of the run.
        warmup: Fraction of the steps in which the factor rises.

    Returns:
        Step, from 0 → factor of the peak learning rate.
    """
    warmup_steps = int(steps * warmup)

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        return max(0.0, (steps - step) / max(1, steps - warmup_steps))

    return factor
