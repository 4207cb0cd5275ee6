"""The outer optimiser, shared by plain training and both meta stages."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from core.errors import TrainingDiverged
from core.tasks.engine import Trainable

MAX_GRADIENT_NORM = 1.0
"""Keeps one odd batch from undoing an encoder; BERT's own value."""

_WITHOUT_DECAY = ("bias", "LayerNorm.weight", "layer_norm.weight", "crf.")


class OuterOptimiser:
    """AdamW with two rates and a schedule that spans the whole run.

    Args:
        learner: What is trained.
        encoder_lr: Peak rate of the encoder.
        heads_lr: Peak rate of the heads.
        steps: Length of the run; the rate reaches zero just after the last one.
        warmup: Fraction of the steps in which the rate rises.
        weight_decay: AdamW's, on matrices only.
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
            {"params": chosen, "lr": rate, "weight_decay": decay}
            for parameters, rate in rates
            for chosen, decay in split_by_weight_decay(parameters, names, weight_decay)
            if chosen
        ]
        self._optimiser = AdamW(groups, fused=True)
        self._schedule = LambdaLR(self._optimiser, linear_warmup_decay(steps, warmup))

    def step(self) -> None:
        """Apply the gradients that lie in `.grad`, then forget them.

        Raises:
            TrainingDiverged: They are not finite.
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
    """Make dropout and initial heads repeat."""
    torch.manual_seed(seed)


def split_by_weight_decay(
    parameters: list[nn.Parameter], names: dict[int, str], weight_decay: float
) -> list[tuple[list[nn.Parameter], float]]:
    """Part matrices, which decay, from biases, norms and transitions, which do not."""
    plain = [p for p in parameters if any(mark in names[id(p)] for mark in _WITHOUT_DECAY)]
    chosen = {id(p) for p in plain}
    return [([p for p in parameters if id(p) not in chosen], weight_decay), (plain, 0.0)]


def linear_warmup_decay(steps: int, warmup: float) -> Callable[[int], float]:
    """Rise linearly for a share of the steps, then fall linearly to zero at the end of the run."""
    rising = int(steps * warmup)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return max(0.0, (steps - step) / max(1, steps - rising))

    return factor
