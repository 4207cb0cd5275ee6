import math
from pathlib import Path

import pytest
import torch

from core.errors import TrainingDiverged
from core.training.optimiser import MAX_GRADIENT_NORM, OuterOptimiser, seed_everything
from tests.core.tiny import english, tiny_learner
from tests.core.training.toys import ToyLearner, state_of

ENCODER_LR, HEADS_LR = 1e-3, 1e-2


def optimiser_of(learner: ToyLearner, *, steps: int, warmup: float = 0.0) -> OuterOptimiser:
    return OuterOptimiser(
        learner, encoder_lr=ENCODER_LR, heads_lr=HEADS_LR, steps=steps, warmup=warmup, weight_decay=0.0
    )


def relative_updates(steps: int, warmup: float) -> list[float]:
    """Return the update of a head's bias in each step, relative to the peak learning rate of heads."""
    learner = ToyLearner()
    optimiser = optimiser_of(learner, steps=steps, warmup=warmup)
    updates = []
    for _ in range(steps):
        before = learner.linear.head.bias.item()
        set_gradients(learner)
        optimiser.step()
        updates.append((before - learner.linear.head.bias.item()) / HEADS_LR)
    return updates


def set_gradients(learner: ToyLearner, gradient: float = 1.0) -> None:
    """Set every gradient to a constant; under a constant gradient Adam moves by its learning rate."""
    for parameter in learner.model.parameters():
        parameter.grad = torch.full_like(parameter, gradient)


def test_learning_rate_rises_during_warmup_then_falls() -> None:
    expected = [1 / 2, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    assert relative_updates(10, 0.2) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 40])
def test_learning_rate_is_never_zero(steps: int, warmup: float) -> None:
    updates = relative_updates(steps, warmup)
    assert min(updates) > 0.9 / steps
    assert max(updates) == pytest.approx(1.0, rel=1e-2)


def test_encoder_and_heads_have_separate_learning_rates() -> None:
    learner = ToyLearner()
    before = state_of(learner.model)
    optimiser = optimiser_of(learner, steps=1)
    set_gradients(learner)
    optimiser.step()
    for name, tensor in learner.model.state_dict().items():
        rate = ENCODER_LR if name.startswith("encoder") else HEADS_LR
        torch.testing.assert_close(before[name] - tensor, torch.full_like(tensor, rate), rtol=1e-2, atol=0)


def test_weight_decay_applies_to_matrices_only(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    with torch.no_grad():
        for parameter in learner.model.parameters():
            parameter.fill_(1.0)
            parameter.grad = torch.zeros_like(parameter)
    OuterOptimiser(learner, encoder_lr=0.1, heads_lr=0.1, steps=1, warmup=0.0, weight_decay=0.5).step()
    decayed = {name for name, tensor in learner.model.named_parameters() if not torch.all(tensor == 1.0)}
    matrices = {name for name, tensor in learner.model.named_parameters() if tensor.dim() == 2}
    assert decayed == matrices - {"crf.transitions"}


def test_optimiser_updates_every_tensor(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    before = state_of(learner.model)
    for parameter in learner.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    OuterOptimiser(learner, encoder_lr=0.1, heads_lr=0.1, steps=1, warmup=0.0).step()
    after = state_of(learner.model)
    assert [name for name in before if torch.equal(before[name], after[name])] == []


def test_optimiser_clips_large_gradients() -> None:
    learner = ToyLearner()
    optimiser = optimiser_of(learner, steps=2)
    set_gradients(learner, 1e6)
    gradients = [parameter.grad for parameter in learner.model.parameters() if parameter.grad is not None]
    optimiser.step()
    norm = math.sqrt(sum(gradient.square().sum().item() for gradient in gradients))
    assert norm == pytest.approx(MAX_GRADIENT_NORM, rel=1e-3)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_optimiser_raises_before_updating_when_gradient_is_not_finite(value: float) -> None:
    learner = ToyLearner()
    before = state_of(learner.model)
    set_gradients(learner, value)
    with pytest.raises(TrainingDiverged, match="gradient is no longer finite"):
        optimiser_of(learner, steps=1).step()
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.model.state_dict().items())


def test_optimiser_clears_gradients_after_a_step() -> None:
    learner = ToyLearner()
    set_gradients(learner)
    optimiser_of(learner, steps=1).step()
    assert all(parameter.grad is None for parameter in learner.model.parameters())


def test_seed_everything_makes_random_numbers_reproducible() -> None:
    seed_everything(11)
    first = torch.rand(3)
    seed_everything(11)
    assert torch.equal(torch.rand(3), first)
