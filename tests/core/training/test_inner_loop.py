import copy
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.contracts.hyperparameters import InnerLoop
from core.training.inner_loop import (
    GRADIENTS,
    GradientFunction,
    Weights,
    chained_gradient,
    fast_weights,
    fused_gradient,
    inner_loop,
    learn2learn_gradient,
    second_order_gradient,
    trainable,
)
from tests.core.tiny import english, spanish, tiny_learner
from tests.core.training.toys import ToyLearner, points, same_state, state_of

INNER_LR = 0.05

Task = tuple[nn.Module, list[object], object]
"""A model, the support batch of each inner step, and a query batch."""


def toy_task() -> Task:
    learner = ToyLearner(dtype=torch.float64)
    supports = [learner.batch(points(5, seed=step)) for step in range(4)]
    return learner.model, list(supports), learner.batch(points(7, seed=9))


def nlu_task(folder: Path) -> Task:
    """A tiny BERT with CRF, supports from one language, the query from another."""
    learner = tiny_learner(folder, english())
    learner.network.double().eval()
    source, target = learner.features(english()), learner.features(spanish())
    supports: list[object] = [learner.batch(source[step::3]) for step in range(3)]
    return learner.model, supports, learner.batch(target[::4])


@pytest.fixture(params=["toy", "nlu"])
def task(request: pytest.FixtureRequest, bert_folder: Path) -> Task:
    return toy_task() if request.param == "toy" else nlu_task(bert_folder)


@pytest.fixture
def nlu(bert_folder: Path) -> Task:
    return nlu_task(bert_folder)


def by_a_deep_copy(model: nn.Module, supports: Sequence[object], query: object) -> Weights:
    """Algorithm 1 as it is written: a copy takes SGD steps, then its own gradient on the query."""
    learnt = copy.deepcopy(model)
    sgd = torch.optim.SGD(learnt.parameters(), lr=INNER_LR)
    for batch in supports:
        sgd.zero_grad()
        learnt(batch).backward()
        sgd.step()
    names = [name for name, _ in learnt.named_parameters()]
    gradients = torch.autograd.grad(learnt(query), list(learnt.parameters()))
    return dict(zip(names, gradients, strict=True))


def adapted(model: nn.Module, supports: Sequence[object]) -> tuple[Weights, float]:
    """Return φ and the mean support loss; the model keeps θ."""
    with fast_weights(model) as fast:
        loss = inner_loop(model, fast, supports, INNER_LR)
        return {name: tensor.data for name, tensor in fast.items()}, loss


def assert_exact(found: Weights, expected: Weights) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("gradient", [fused_gradient, learn2learn_gradient])
def test_the_first_order_gradient_is_that_of_a_deep_copy_that_took_sgd_steps(
    gradient: GradientFunction, task: Task
) -> None:
    model, supports, query = task
    found = gradient(model, supports, query, INNER_LR).gradients
    assert_exact(found, by_a_deep_copy(model, supports, query))


def test_a_chain_is_what_one_deep_copy_gives_that_goes_through_both_episodes(task: Task) -> None:
    model, supports, query = task
    first, then = (supports[:2], query), (supports[2:], supports[0])
    learnt = copy.deepcopy(model)
    sgd = torch.optim.SGD(learnt.parameters(), lr=INNER_LR)
    expected: list[list[Tensor]] = []
    for given, asked in (first, then):
        for batch in given:
            sgd.zero_grad()
            learnt(batch).backward()
            sgd.step()
        expected.append(list(torch.autograd.grad(learnt(asked), list(learnt.parameters()))))
    names = [name for name, _ in learnt.named_parameters()]
    found = chained_gradient(model, [first, then], INNER_LR)
    assert_exact(found.gradients, {name: one + two for name, one, two in zip(names, *expected, strict=True)})


def test_the_fused_loop_and_learn2learn_agree_under_dropout_too(nlu: Task) -> None:
    model, supports, query = nlu
    model.train()
    torch.manual_seed(3)
    fused = fused_gradient(model, supports, query, INNER_LR)
    torch.manual_seed(3)
    reference = learn2learn_gradient(model, supports, query, INNER_LR)
    assert_exact(fused.gradients, reference.gradients)
    assert fused.support_loss == pytest.approx(reference.support_loss, rel=1e-10)
    assert fused.query_loss == pytest.approx(reference.query_loss, rel=1e-10)


@pytest.mark.parametrize("inner_loop", InnerLoop)
def test_an_episode_leaves_the_module_as_it_was(inner_loop: InnerLoop, nlu: Task) -> None:
    model, supports, query = nlu
    before = state_of(model)
    GRADIENTS[inner_loop](model, supports, query, INNER_LR)
    assert same_state(state_of(model), before)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.training


def test_an_episode_that_fails_leaves_the_module_as_it_was(nlu: Task) -> None:
    model, supports, _ = nlu
    before = state_of(model)
    with pytest.raises(AttributeError):
        fused_gradient(model, supports, "no batch", INNER_LR)
    assert same_state(state_of(model), before)


def test_every_trainable_tensor_moves_in_the_inner_loop(nlu: Task) -> None:
    model, supports, _ = nlu
    fast, _ = adapted(model, supports)
    still = [name for name, tensor in trainable(model).items() if torch.equal(fast[name], tensor)]
    assert fast.keys() == trainable(model).keys()
    assert not still


@pytest.mark.parametrize("inner_loop", InnerLoop)
def test_every_trainable_tensor_receives_an_outer_gradient(inner_loop: InnerLoop, nlu: Task) -> None:
    model, supports, query = nlu
    gradients = GRADIENTS[inner_loop](model, supports, query, INNER_LR).gradients
    # Softmax does not see what is added to all keys alike: that gradient is zero but for rounding.
    visible = {name: one for name, one in gradients.items() if not name.endswith("key.bias")}
    assert gradients.keys() == trainable(model).keys()
    assert all(torch.isfinite(one).all() for one in gradients.values())
    assert [name for name, one in visible.items() if not one.abs().max() > 1e-9] == []


def test_the_transitions_of_the_crf_take_part_on_both_sides(nlu: Task) -> None:
    model, supports, query = nlu
    names = {"crf.start_transitions", "crf.transitions", "crf.end_transitions"}
    fast, _ = adapted(model, supports)
    moved = {name for name in names if not torch.equal(fast[name], model.get_parameter(name))}
    judged = fused_gradient(model, supports, query, INNER_LR).gradients
    assert moved == names
    assert all(judged[name].abs().max() > 1e-6 for name in names)


@pytest.mark.parametrize("inner_loop", InnerLoop)
def test_a_frozen_tensor_stays_out_of_both_loops(inner_loop: InnerLoop) -> None:
    model, supports, query = toy_task()
    model.get_submodule("encoder").requires_grad_(False)
    found = GRADIENTS[inner_loop](model, supports, query, INNER_LR).gradients
    assert sorted(found) == ["head.bias", "head.weight"]


def test_utterances_of_one_word_leave_no_tensor_without_a_gradient(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    words = learner.batch(learner.featurizer.texts(["wake", "rain"]))
    found = fused_gradient(learner.model, [words], words, INNER_LR).gradients
    assert found["crf.transitions"].abs().max() == 0
    assert found["crf.start_transitions"].abs().max() > 0


def test_the_losses_told_are_those_of_the_batches_before_each_step() -> None:
    model, supports, query = toy_task()
    found = fused_gradient(model, supports[:1] * 2, query, INNER_LR)
    fast, first = adapted(model, supports[:1])
    second = functional_call(model, fast, (supports[0],)).item()
    assert first == pytest.approx(model(supports[0]).item())
    assert found.support_loss == pytest.approx((first + second) / 2)
    assert found.query_loss < model(query).item()


class Quadratic(nn.Module):
    """Loss ½ (w − c)ᵀ A (w − c) of the batch (A, c)."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.7, -1.2, 0.4], dtype=torch.float64))

    def forward(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        curvature, centre = batch
        away = self.w - centre
        return 0.5 * away @ curvature @ away


def test_on_a_quadratic_every_order_is_what_a_pencil_finds() -> None:
    model, steps = Quadratic(), 4
    root = torch.tensor([[1.0, 0.2, 0.0], [0.3, 0.8, -0.4], [0.1, 0.0, 1.1]], dtype=torch.float64)
    support = root @ root.T, torch.tensor([0.1, 0.5, -0.3], dtype=torch.float64)
    query = root.T @ root, torch.tensor([-0.6, 0.2, 0.9], dtype=torch.float64)
    # φ − c = (1 − αA)ⁿ (θ − c), so ∇φ L = A' (φ − c'), and through φ that times (1 − αA)ⁿ.
    shrink = torch.linalg.matrix_power(torch.eye(3, dtype=torch.float64) - INNER_LR * support[0], steps)
    learnt = support[1] + shrink @ (model.w.detach() - support[1])
    first = query[0] @ (learnt - query[1])
    second = shrink.T @ first
    batches = [support] * steps
    for gradient, expected in (
        (fused_gradient, first),
        (learn2learn_gradient, first),
        (second_order_gradient, second),
    ):
        found = gradient(model, batches, query, INNER_LR).gradients["w"]
        assert_exact({"w": found}, {"w": expected})


def test_the_second_order_gradient_of_bert_and_crf_is_the_slope_of_the_adapted_loss(nlu: Task) -> None:
    model, supports, query = nlu
    found = second_order_gradient(model, supports, query, INNER_LR).gradients
    torch.manual_seed(5)
    direction = {name: torch.randn_like(tensor) for name, tensor in trainable(model).items()}
    length = torch.stack([one.norm() for one in direction.values()]).norm()
    torch._foreach_div_(list(direction.values()), length)
    told = sum((found[name] * direction[name]).sum().item() for name in found)
    assert told == pytest.approx(_slope(model, direction, supports, query), rel=1e-6)
    first = fused_gradient(model, supports, query, INNER_LR).gradients
    apart = torch.stack([(found[name] - first[name]).norm() for name in found]).norm()
    assert apart > 0.01 * torch.stack([one.norm() for one in first.values()]).norm()


def _slope(model: nn.Module, direction: Weights, supports: Sequence[object], query: object) -> float:
    """Measure how the query loss after the inner loop changes with θ along a direction."""
    step = 1e-4
    losses: list[float] = []
    for sign in (1, -1):
        moved = copy.deepcopy(model)
        with torch.no_grad():
            for name, parameter in moved.named_parameters():
                parameter.add_(direction[name], alpha=sign * step)
        fast, _ = adapted(moved, supports)
        losses.append(functional_call(moved, fast, (query,)).item())
    return (losses[0] - losses[1]) / (2 * step)
