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


def tiny_bert_task(folder: Path) -> Task:
    """Return a tiny BERT with CRF, supports in one language and the query in another."""
    learner = tiny_learner(folder, english())
    learner.network.double().eval()
    source, target = learner.features(english()), learner.features(spanish())
    supports: list[object] = [learner.batch(source[step::3]) for step in range(3)]
    return learner.model, supports, learner.batch(target[::4])


@pytest.fixture(params=["toy", "nlu"])
def task(request: pytest.FixtureRequest, bert_folder: Path) -> Task:
    return toy_task() if request.param == "toy" else tiny_bert_task(bert_folder)


@pytest.fixture
def nlu(bert_folder: Path) -> Task:
    return tiny_bert_task(bert_folder)


def gradient_by_deep_copy(model: nn.Module, supports: Sequence[object], query: object) -> Weights:
    """Return the first-order gradient by SGD steps on a deep copy, as Algorithm 1 is written."""
    clone = copy.deepcopy(model)
    sgd = torch.optim.SGD(clone.parameters(), lr=INNER_LR)
    for batch in supports:
        sgd.zero_grad()
        clone(batch).backward()
        sgd.step()
    names = [name for name, _ in clone.named_parameters()]
    gradients = torch.autograd.grad(clone(query), list(clone.parameters()))
    return dict(zip(names, gradients, strict=True))


def adapted_weights(model: nn.Module, supports: Sequence[object]) -> tuple[Weights, float]:
    """Return φ and the mean support loss; the model keeps its weights θ."""
    with fast_weights(model) as fast:
        loss = inner_loop(model, fast, supports, INNER_LR)
        return {name: tensor.data for name, tensor in fast.items()}, loss


def assert_exact(actual: Weights, expected: Weights) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("gradient", [fused_gradient, learn2learn_gradient])
def test_first_order_gradient_equals_deep_copy_after_sgd(gradient: GradientFunction, task: Task) -> None:
    model, supports, query = task
    gradients = gradient(model, supports, query, INNER_LR).gradients
    assert_exact(gradients, gradient_by_deep_copy(model, supports, query))


def test_chained_gradient_equals_deep_copy_over_both_episodes(task: Task) -> None:
    model, supports, query = task
    first, then = (supports[:2], query), (supports[2:], supports[0])
    clone = copy.deepcopy(model)
    sgd = torch.optim.SGD(clone.parameters(), lr=INNER_LR)
    expected: list[list[Tensor]] = []
    for episode_supports, episode_query in (first, then):
        for batch in episode_supports:
            sgd.zero_grad()
            clone(batch).backward()
            sgd.step()
        expected.append(list(torch.autograd.grad(clone(episode_query), list(clone.parameters()))))
    names = [name for name, _ in clone.named_parameters()]
    result = chained_gradient(model, [first, then], INNER_LR)
    sums = [first_gradient + then_gradient for first_gradient, then_gradient in zip(*expected, strict=True)]
    assert_exact(result.gradients, dict(zip(names, sums, strict=True)))


def test_fused_gradient_equals_learn2learn_with_dropout(nlu: Task) -> None:
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
def test_gradient_functions_do_not_change_the_model(inner_loop: InnerLoop, nlu: Task) -> None:
    model, supports, query = nlu
    before = state_of(model)
    GRADIENTS[inner_loop](model, supports, query, INNER_LR)
    assert same_state(state_of(model), before)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.training


def test_fused_gradient_restores_weights_when_it_fails(nlu: Task) -> None:
    model, supports, _ = nlu
    before = state_of(model)
    with pytest.raises(AttributeError):
        fused_gradient(model, supports, "no batch", INNER_LR)
    assert same_state(state_of(model), before)


def test_inner_loop_updates_every_trainable_tensor(nlu: Task) -> None:
    model, supports, _ = nlu
    fast, _ = adapted_weights(model, supports)
    unchanged = [name for name, tensor in trainable(model).items() if torch.equal(fast[name], tensor)]
    assert fast.keys() == trainable(model).keys()
    assert not unchanged


@pytest.mark.parametrize("inner_loop", InnerLoop)
def test_gradient_functions_cover_every_trainable_tensor(inner_loop: InnerLoop, nlu: Task) -> None:
    model, supports, query = nlu
    gradients = GRADIENTS[inner_loop](model, supports, query, INNER_LR).gradients
    # Softmax is invariant to a constant added to all keys: the gradient of the key bias is zero up to
    # rounding.
    nonzero = {name: gradient for name, gradient in gradients.items() if not name.endswith("key.bias")}
    assert gradients.keys() == trainable(model).keys()
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())
    assert [name for name, gradient in nonzero.items() if not gradient.abs().max() > 1e-9] == []


def test_crf_transitions_are_updated_and_get_outer_gradients(nlu: Task) -> None:
    model, supports, query = nlu
    names = {"crf.start_transitions", "crf.transitions", "crf.end_transitions"}
    fast, _ = adapted_weights(model, supports)
    changed = {name for name in names if not torch.equal(fast[name], model.get_parameter(name))}
    gradients = fused_gradient(model, supports, query, INNER_LR).gradients
    assert changed == names
    assert all(gradients[name].abs().max() > 1e-6 for name in names)


@pytest.mark.parametrize("inner_loop", InnerLoop)
def test_gradient_functions_skip_frozen_tensors(inner_loop: InnerLoop) -> None:
    model, supports, query = toy_task()
    model.get_submodule("encoder").requires_grad_(False)
    gradients = GRADIENTS[inner_loop](model, supports, query, INNER_LR).gradients
    assert sorted(gradients) == ["head.bias", "head.weight"]


def test_fused_gradient_covers_all_tensors_for_single_word_utterances(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    batch = learner.batch(learner.featurizer.texts(["wake", "rain"]))
    gradients = fused_gradient(learner.model, [batch], batch, INNER_LR).gradients
    assert gradients["crf.transitions"].abs().max() == 0
    assert gradients["crf.start_transitions"].abs().max() > 0


def test_fused_gradient_reports_losses_before_each_step() -> None:
    model, supports, query = toy_task()
    result = fused_gradient(model, supports[:1] * 2, query, INNER_LR)
    fast, first = adapted_weights(model, supports[:1])
    second = functional_call(model, fast, (supports[0],)).item()
    assert first == pytest.approx(model(supports[0]).item())
    assert result.support_loss == pytest.approx((first + second) / 2)
    assert result.query_loss < model(query).item()


class Quadratic(nn.Module):
    """Loss ½ (w − c)ᵀ A (w − c) of the batch (A, c)."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.7, -1.2, 0.4], dtype=torch.float64))

    def forward(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        curvature, centre = batch
        offset = self.w - centre
        return 0.5 * offset @ curvature @ offset


def test_gradient_functions_equal_closed_form_on_a_quadratic() -> None:
    model, steps = Quadratic(), 4
    root = torch.tensor([[1.0, 0.2, 0.0], [0.3, 0.8, -0.4], [0.1, 0.0, 1.1]], dtype=torch.float64)
    support = root @ root.T, torch.tensor([0.1, 0.5, -0.3], dtype=torch.float64)
    query = root.T @ root, torch.tensor([-0.6, 0.2, 0.9], dtype=torch.float64)
    # φ − c = (1 − αA)ⁿ (θ − c), so ∇φ L = A' (φ − c'), and through φ that times (1 − αA)ⁿ.
    shrink = torch.linalg.matrix_power(torch.eye(3, dtype=torch.float64) - INNER_LR * support[0], steps)
    adapted = support[1] + shrink @ (model.w.detach() - support[1])
    first = query[0] @ (adapted - query[1])
    second = shrink.T @ first
    batches = [support] * steps
    for gradient, expected in (
        (fused_gradient, first),
        (learn2learn_gradient, first),
        (second_order_gradient, second),
    ):
        actual = gradient(model, batches, query, INNER_LR).gradients["w"]
        assert_exact({"w": actual}, {"w": expected})


def test_second_order_gradient_equals_finite_difference_of_adapted_loss(nlu: Task) -> None:
    model, supports, query = nlu
    gradients = second_order_gradient(model, supports, query, INNER_LR).gradients
    torch.manual_seed(5)
    direction = {name: torch.randn_like(tensor) for name, tensor in trainable(model).items()}
    length = torch.stack([tensor.norm() for tensor in direction.values()]).norm()
    torch._foreach_div_(list(direction.values()), length)
    directional = sum((gradients[name] * direction[name]).sum().item() for name in gradients)
    assert directional == pytest.approx(_slope(model, direction, supports, query), rel=1e-6)
    first_order = fused_gradient(model, supports, query, INNER_LR).gradients
    difference = torch.stack([(gradients[name] - first_order[name]).norm() for name in gradients]).norm()
    assert difference > 0.01 * torch.stack([gradient.norm() for gradient in first_order.values()]).norm()


def _slope(model: nn.Module, direction: Weights, supports: Sequence[object], query: object) -> float:
    """Return the derivative of the adapted query loss with respect to θ along a direction, by differences."""
    step = 1e-4
    losses: list[float] = []
    for sign in (1, -1):
        shifted = copy.deepcopy(model)
        with torch.no_grad():
            for name, parameter in shifted.named_parameters():
                parameter.add_(direction[name], alpha=sign * step)
        fast, _ = adapted_weights(shifted, supports)
        losses.append(functional_call(shifted, fast, (query,)).item())
    return (losses[0] - losses[1]) / (2 * step)
