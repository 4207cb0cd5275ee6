"""Test the loss of SpanQa: value, independence of padding, and gradients."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor

from core.contracts.qa_examples import QaExample
from core.tasks.qa.learner import QaLearner
from tests.core.tasks.qa.qa_examples import EXAMPLES, Question, tiny_qa_folder, tiny_qa_learner
from tests.core.tiny import Kind

SHORT, LONG, THAI = EXAMPLES["spanish"], EXAMPLES["english"], EXAMPLES["thai"]
every_kind = pytest.mark.parametrize("kind", get_args(Kind))
Build = Callable[[Kind], QaLearner]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Path]:
    kinds: tuple[Kind, ...] = get_args(Kind)
    return {kind: tiny_qa_folder(tmp_path_factory.mktemp(kind), kind) for kind in kinds}


@pytest.fixture
def build(folders: dict[Kind, Path]) -> Build:
    """Return a builder of learners in double precision, so that differences come from padding only."""

    def exact(kind: Kind) -> QaLearner:
        learner = tiny_qa_learner(folders[kind])
        learner.network.double().eval()
        return learner

    return exact


def loss(learner: QaLearner, examples: list[QaExample]) -> Tensor:
    value: Tensor = learner.model(learner.batch(learner.features(examples)))
    return value


def gradients(learner: QaLearner, value: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(value, list(learner.model.parameters())))


@every_kind
def test_loss_is_unchanged_by_padding(build: Build, kind: Kind) -> None:
    learner = build(kind)
    together = loss(learner, [SHORT, LONG, SHORT])
    alone = torch.stack([loss(learner, [example]) for example in (SHORT, LONG, SHORT)]).mean()
    torch.testing.assert_close(together, alone, rtol=1e-10, atol=1e-12)


@every_kind
def test_gradients_are_unchanged_by_padding(build: Build, kind: Kind) -> None:
    learner = build(kind)
    together = gradients(learner, loss(learner, [SHORT, LONG]))
    alone = gradients(learner, (loss(learner, [SHORT]) + loss(learner, [LONG])) / 2)
    torch.testing.assert_close(together, alone, rtol=1e-8, atol=1e-10)


def test_loss_ignores_values_of_padding(build: Build) -> None:
    learner = build("bert")
    batch = learner.batch(learner.features([SHORT, LONG]))
    expected = learner.model(batch)
    assert batch.token_types is not None
    batch.input_ids[batch.attention_mask == 0] = 11
    batch.token_types[batch.attention_mask == 0] = 1
    torch.testing.assert_close(learner.model(batch), expected, rtol=1e-12, atol=0)


@every_kind
def test_loss_is_cross_entropy_over_context_tokens(build: Build, kind: Kind) -> None:
    learner = build(kind)
    (features,) = learner.features([LONG])
    batch = learner.batch([features])
    states = learner.network.encoder(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        **({} if batch.token_types is None else {"token_type_ids": batch.token_types}),
    ).last_hidden_state[0]
    context = slice(features.context.start, features.context.stop)
    logits = learner.network.span_head(states)[context].log_softmax(dim=0)  # [context, 2]

    start, end = (position - features.context.start for position in (features.start, features.end))

    torch.testing.assert_close(learner.model(batch), -(logits[start, 0] + logits[end, 1]) / 2)


def test_scores_are_minus_infinity_outside_context_only(build: Build) -> None:
    learner = build("bert")
    batch = learner.batch(learner.features([SHORT, LONG]))

    for logits in learner.network.scores(batch):
        assert logits.shape == batch.input_ids.shape
        assert torch.equal(torch.isfinite(logits), batch.context_mask)
        assert (logits[~batch.context_mask] == -torch.inf).all()


def test_loss_depends_on_token_types(build: Build) -> None:
    learner = build("bert")
    batch = learner.batch(learner.features([SHORT]))
    expected = learner.model(batch)
    assert batch.token_types is not None
    batch.token_types.zero_()
    assert not torch.isclose(learner.model(batch), expected)


def test_scores_of_window_without_context_are_minus_infinity(build: Build) -> None:
    learner = build("bert")
    nothing, other = learner.featurizer.questions([Question("Who?", "\u200b"), SHORT])
    rows = [nothing.features(nothing.windows[0]), other.features(other.windows[0])]

    starts, ends = learner.network.scores(learner.batch(rows))

    assert not torch.isfinite(starts[0]).any()
    assert not torch.isfinite(ends[0]).any()
    assert torch.isfinite(starts[1]).any()


@every_kind
def test_every_tensor_receives_gradient(build: Build, kind: Kind) -> None:
    learner = build(kind)
    learner.model(learner.batch(learner.features([SHORT, LONG]))).backward()

    named = dict(learner.model.named_parameters())
    assert all(tensor.requires_grad for tensor in named.values())
    assert [name for name, tensor in named.items() if tensor.grad is None] == []
    assert all(torch.isfinite(tensor.grad).all() for tensor in named.values() if tensor.grad is not None)
    # Softmax is invariant to a shift of all logits or keys: those gradients are zero.
    zero_gradients = [
        name for name, tensor in named.items() if tensor.grad is not None and not tensor.grad.any()
    ]
    assert all(name.endswith("bias") for name in zero_gradients)


def test_gradient_step_lowers_loss(build: Build) -> None:
    learner = build("xlm-r")
    before = loss(learner, [SHORT, LONG])
    steps = gradients(learner, before)

    with torch.no_grad():
        for tensor, step in zip(learner.model.parameters(), steps, strict=True):
            tensor.sub_(1e-3 * step)

    assert loss(learner, [SHORT, LONG]) < before


def test_loss_uses_parameters_of_functional_call(build: Build) -> None:
    learner = build("bert")
    batch = learner.batch(learner.features([SHORT]))
    others = {name: tensor + 0.1 for name, tensor in learner.model.named_parameters()}

    moved = torch.func.functional_call(learner.model, others, (batch,))

    assert not torch.isclose(moved, learner.model(batch))


def test_encoder_and_head_parameters_partition_model(build: Build) -> None:
    learner = build("bert")
    encoder = {id(tensor) for tensor in learner.encoder_parameters}
    head = {id(tensor) for tensor in learner.head_parameters}
    assert not encoder & head
    assert encoder | head == {id(tensor) for tensor in learner.model.parameters()}
    assert len(head) == 2
