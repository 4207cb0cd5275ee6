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


def movements(steps: int, warmup: float) -> list[float]:
    """Return how far a head's weight goes in each step: under a constant gradient, Adam's rate."""
    learner = ToyLearner()
    optimiser = optimiser_of(learner, steps=steps, warmup=warmup)
    moved = []
    for _ in range(steps):
        before = learner.linear.head.bias.item()
        push(learner)
        optimiser.step()
        moved.append((before - learner.linear.head.bias.item()) / HEADS_LR)
    return moved


def push(learner: ToyLearner, gradient: float = 1.0) -> None:
    for parameter in learner.model.parameters():
        parameter.grad = torch.full_like(parameter, gradient)


def test_the_rate_rises_for_the_warmup_and_falls_until_the_end_of_the_run() -> None:
    expected = [1 / 2, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    assert movements(10, 0.2) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 40])
def test_no_step_of_any_run_is_taken_at_a_rate_of_zero(steps: int, warmup: float) -> None:
    moved = movements(steps, warmup)
    assert min(moved) > 0.9 / steps
    assert max(moved) == pytest.approx(1.0, rel=1e-2)


def test_encoder_and_heads_have_rates_of_their_own() -> None:
    learner = ToyLearner()
    before = state_of(learner.model)
    optimiser = optimiser_of(learner, steps=1)
    push(learner)
    optimiser.step()
    for name, tensor in learner.model.state_dict().items():
        rate = ENCODER_LR if name.startswith("encoder") else HEADS_LR
        torch.testing.assert_close(before[name] - tensor, torch.full_like(tensor, rate), rtol=1e-2, atol=0)


def test_only_matrices_decay_never_biases_norms_or_transitions(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    with torch.no_grad():
        for parameter in learner.model.parameters():
            parameter.fill_(1.0)
            parameter.grad = torch.zeros_like(parameter)
    OuterOptimiser(learner, encoder_lr=0.1, heads_lr=0.1, steps=1, warmup=0.0, weight_decay=0.5).step()
    decayed = {name for name, one in learner.model.named_parameters() if not torch.all(one == 1.0)}
    matrices = {name for name, one in learner.model.named_parameters() if one.dim() == 2}
    assert decayed == matrices - {"crf.transitions"}


def test_every_tensor_of_the_learner_belongs_to_the_optimiser(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    before = state_of(learner.model)
    for parameter in learner.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    OuterOptimiser(learner, encoder_lr=0.1, heads_lr=0.1, steps=1, warmup=0.0).step()
    after = state_of(learner.model)
    assert [name for name in before if torch.equal(before[name], after[name])] == []


def test_one_odd_batch_cannot_undo_the_encoder() -> None:
    learner = ToyLearner()
    optimiser = optimiser_of(learner, steps=2)
    push(learner, 1e6)
    gradients = [parameter.grad for parameter in learner.model.parameters() if parameter.grad is not None]
    optimiser.step()
    norm = math.sqrt(sum(one.square().sum().item() for one in gradients))
    assert norm == pytest.approx(MAX_GRADIENT_NORM, rel=1e-3)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_gradient_that_is_no_number_is_an_error_and_moves_nothing(value: float) -> None:
    learner = ToyLearner()
    before = state_of(learner.model)
    push(learner, value)
    with pytest.raises(TrainingDiverged, match="gradient is no longer finite"):
        optimiser_of(learner, steps=1).step()
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.model.state_dict().items())


def test_gradients_are_forgotten_after_a_step() -> None:
    learner = ToyLearner()
    push(learner)
    optimiser_of(learner, steps=1).step()
    assert all(parameter.grad is None for parameter in learner.model.parameters())


def test_a_seed_repeats_what_is_drawn() -> None:
    seed_everything(11)
    first = torch.rand(3)
    seed_everything(11)
    assert torch.equal(torch.rand(3), first)
