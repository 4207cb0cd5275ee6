"""Training with restricted embeddings equals training with the full matrix; unused rows stay unchanged."""

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
from core.training.sparse_embeddings import SparseEmbedding, restricted_embeddings
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


def test_restricted_embeddings_train_like_full_matrix_without_decay(
    learner: MtodLearner, twin: MtodLearner
) -> None:
    train(twin)
    with restricted_embeddings(learner.network.encoder, ids(learner)):
        train(learner)
    actual, expected = learner.network.state_dict(), twin.network.state_dict()
    assert list(actual) == list(expected)
    for name, tensor in expected.items():
        torch.testing.assert_close(actual[name], tensor, rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.parametrize("inner_loop", InnerLoop)
def test_restricted_embeddings_give_the_same_outer_gradient(
    learner: MtodLearner, twin: MtodLearner, inner_loop: InnerLoop
) -> None:
    settings = MetaSettings(inner_loop=inner_loop, inner_lr=0.05, inner_steps=2)
    for either in (learner, twin):
        either.network.double().eval()
    features = learner.features(EXAMPLES)
    episode = Episode(tuple(features[:4]), tuple(features[4:]))
    losses = outer_step(twin, [episode], settings)
    expected = twin.network.encoder.get_input_embeddings().weight.grad
    with restricted_embeddings(learner.network.encoder, ids(learner)):
        assert outer_step(learner, [episode], settings) == pytest.approx(losses, rel=1e-12)
        sparse = learner.network.encoder.get_input_embeddings()
        assert isinstance(sparse, SparseEmbedding)
        assert isinstance(expected, torch.Tensor)
        assert sparse.weight.grad is not None
        torch.testing.assert_close(sparse.weight.grad, expected[sparse.row_of_id >= 0], rtol=1e-9, atol=1e-12)


def test_restricted_embeddings_leave_unused_rows_unchanged(learner: MtodLearner) -> None:
    before = embeddings(learner)
    unused = [row for row in range(len(before)) if row not in ids(learner)]
    with restricted_embeddings(learner.network.encoder, ids(learner)):
        train(learner)
    after = embeddings(learner)
    assert torch.equal(after[unused], before[unused])
    assert not torch.equal(after, before)


def test_restricted_embeddings_contain_only_used_rows_and_padding(learner: MtodLearner) -> None:
    with restricted_embeddings(learner.network.encoder, [7, 5, 7]):
        assert len(embeddings(learner)) == 3  # with padding
        assert all(parameter.requires_grad for parameter in learner.encoder_parameters)


def test_sparse_embedding_raises_index_error_for_unknown_id(learner: MtodLearner) -> None:
    with (
        restricted_embeddings(learner.network.encoder, [5]),
        pytest.raises(IndexError),
    ):
        learner.network.encoder.get_input_embeddings()(torch.tensor([6]))


def test_restricted_embeddings_keep_a_frozen_embedding_frozen(learner: MtodLearner) -> None:
    learner.network.encoder.get_input_embeddings().requires_grad_(requires_grad=False)
    with restricted_embeddings(learner.network.encoder, [5]):
        assert not any(p.requires_grad for p in learner.network.encoder.get_input_embeddings().parameters())


def test_restricted_embeddings_restore_full_matrix_when_training_fails(learner: MtodLearner) -> None:
    full = learner.network.encoder.get_input_embeddings()
    with pytest.raises(RuntimeError), restricted_embeddings(learner.network.encoder, [5]):
        raise RuntimeError("stopped")
    assert learner.network.encoder.get_input_embeddings() is full
    assert isinstance(full, nn.Embedding)
