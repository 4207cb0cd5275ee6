"""Training with the rows that the data has is training; only what nobody needed stays as it was."""

from pathlib import Path

import pytest
import torch
from torch import nn

from core.contracts.hyperparameters import FineTuneSettings, InnerLoop, MetaSettings
from core.encoders.loading import load_encoder
from core.progress import ProgressTracker
from core.tasks.engine import Episode
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.learner import MtodLearner
from core.training.finetune import fine_tune
from core.training.outer_loop import outer_step
from core.training.sparse_embeddings import UsedRows, used_rows
from tests.core.tiny import english

EXAMPLES = english()[:8]
SETTINGS = FineTuneSettings(min_steps=6, epochs=1, batch_size=4, weight_decay=0.0)


@pytest.fixture
def learner(bert_folder: Path) -> MtodLearner:
    return MtodLearner(load_encoder(str(bert_folder)), LabelSet.of(EXAMPLES))


@pytest.fixture
def twin(bert_folder: Path) -> MtodLearner:
    return MtodLearner(load_encoder(str(bert_folder)), LabelSet.of(EXAMPLES))


def ids(learner: MtodLearner) -> set[int]:
    return learner.token_ids(learner.features(EXAMPLES))


def embeddings(learner: MtodLearner) -> torch.Tensor:
    weight = learner.network.encoder.get_input_embeddings().weight
    assert isinstance(weight, torch.Tensor)
    return weight.detach().clone()


def train(learner: MtodLearner) -> None:
    tracker = ProgressTracker(lambda _: None, {"fine-tune": 1.0})
    fine_tune(learner, learner.features(EXAMPLES), SETTINGS, seed=3, tracker=tracker)


def test_training_ends_where_training_all_rows_without_decay_ends(
    learner: MtodLearner, twin: MtodLearner
) -> None:
    train(twin)
    with used_rows(learner.network.encoder, ids(learner)):
        train(learner)
    found, expected = learner.network.state_dict(), twin.network.state_dict()
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.parametrize("inner_loop", InnerLoop)
def test_an_outer_step_has_the_same_gradient(
    learner: MtodLearner, twin: MtodLearner, inner_loop: InnerLoop
) -> None:
    settings = MetaSettings(inner_loop=inner_loop, inner_lr=0.05, inner_steps=2)
    for one in (learner, twin):
        one.network.double().eval()
    features = learner.features(EXAMPLES)
    episode = Episode(tuple(features[:4]), tuple(features[4:]))
    whole = outer_step(twin, [episode], settings)
    expected = twin.network.encoder.get_input_embeddings().weight.grad
    with used_rows(learner.network.encoder, ids(learner)):
        assert outer_step(learner, [episode], settings) == pytest.approx(whole, rel=1e-12)
        rows = learner.network.encoder.get_input_embeddings()
        assert isinstance(rows, UsedRows)
        assert isinstance(expected, torch.Tensor)
        assert rows.weight.grad is not None
        torch.testing.assert_close(rows.weight.grad, expected[rows.place >= 0], rtol=1e-9, atol=1e-12)


def test_a_row_that_no_text_has_stays_as_it_was_to_the_bit(learner: MtodLearner) -> None:
    before = embeddings(learner)
    unused = [number for number in range(len(before)) if number not in ids(learner)]
    with used_rows(learner.network.encoder, ids(learner)):
        train(learner)
    after = embeddings(learner)
    assert torch.equal(after[unused], before[unused])
    assert not torch.equal(after, before)


def test_only_the_used_rows_are_held_inside(learner: MtodLearner) -> None:
    with used_rows(learner.network.encoder, [7, 5, 7]):
        assert len(embeddings(learner)) == 3  # with padding
        assert all(parameter.requires_grad for parameter in learner.encoder_parameters)


def test_a_token_that_was_not_announced_is_an_error_and_no_other_row(learner: MtodLearner) -> None:
    with (
        used_rows(learner.network.encoder, [5]),
        pytest.raises(IndexError),
    ):
        learner.network.encoder.get_input_embeddings()(torch.tensor([6]))


def test_a_frozen_embedding_stays_frozen(learner: MtodLearner) -> None:
    learner.network.encoder.get_input_embeddings().requires_grad_(requires_grad=False)
    with used_rows(learner.network.encoder, [5]):
        assert not any(p.requires_grad for p in learner.network.encoder.get_input_embeddings().parameters())


def test_all_rows_are_back_even_when_training_stops_halfway(learner: MtodLearner) -> None:
    whole = learner.network.encoder.get_input_embeddings()
    with pytest.raises(RuntimeError), used_rows(learner.network.encoder, [5]):
        raise RuntimeError("stopped")
    assert learner.network.encoder.get_input_embeddings() is whole
    assert isinstance(whole, nn.Embedding)
