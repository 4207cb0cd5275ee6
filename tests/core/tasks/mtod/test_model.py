from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.contracts.examples import MtodExample
from core.encoders.loading import Pooling, load_encoder
from core.tasks.mtod.features import IGNORED_INTENT, Features
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.learner import MtodLearner
from tests.core.tiny import english, tiny_learner, utterance

SHORT = utterance("wake me at {time}", "set_alarm", time="two")
LONG = utterance(
    "remind me to call {person} today at {time} and will it rain in {place}",
    "set_reminder",
    person="Carmen Ana Luis",
    time="two o'clock",
    place="New York",
)
NOVEL = [
    utterance("juega {game} ahora", "play_game", game="go"),
    utterance("wake {person}", "set_alarm", person="Ana"),
]


@pytest.fixture(params=Pooling)
def learner(bert_folder: Path, request: pytest.FixtureRequest) -> MtodLearner:
    """A learner in double precision, so that differences come from padding only."""
    encoder = replace(load_encoder(str(bert_folder)), pooling=request.param)
    learner = MtodLearner(encoder, LabelSet.of([*english(), SHORT, LONG]))
    learner.network.double().eval()
    return learner


def loss(learner: MtodLearner, examples: list[MtodExample]) -> Tensor:
    value: Tensor = learner.model(learner.batch(learner.features(examples)))
    return value


def test_loss_is_unchanged_by_padding(learner: MtodLearner) -> None:
    together = loss(learner, [SHORT, LONG, SHORT])
    alone = torch.stack([loss(learner, [example]) for example in (SHORT, LONG, SHORT)]).mean()
    torch.testing.assert_close(together, alone, rtol=1e-10, atol=1e-12)


def test_gradients_are_unchanged_by_padding(learner: MtodLearner) -> None:
    together = _gradients(learner, loss(learner, [SHORT, LONG]))
    alone = _gradients(learner, (loss(learner, [SHORT]) + loss(learner, [LONG])) / 2)
    torch.testing.assert_close(together, alone, rtol=1e-8, atol=1e-10)


def test_loss_ignores_values_of_padding(learner: MtodLearner) -> None:
    batch = learner.batch(learner.features([SHORT, LONG]))
    expected = learner.model(batch)
    batch.input_ids[batch.attention_mask == 0] = 11
    batch.unit_tokens[~batch.unit_mask] = 3
    batch.tags[~batch.unit_mask] = 2
    torch.testing.assert_close(learner.model(batch), expected, rtol=1e-12, atol=0)


def test_intent_logits_use_pooling(learner: MtodLearner) -> None:
    batch = learner.batch(learner.features([SHORT]))
    states = learner.network.encoder(batch.input_ids, batch.attention_mask).last_hidden_state[0]
    text = states[0] if learner.network.pooling is Pooling.CLS else states.mean(dim=0)
    intents, _ = learner.network.scores(batch)
    torch.testing.assert_close(intents[0], learner.network.intent_head(text))


def test_loss_is_sum_of_intent_and_slot_loss(learner: MtodLearner) -> None:
    batch = learner.batch(learner.features([SHORT, LONG]))
    logits, emissions = learner.network.scores(batch)
    log_probability = logits.log_softmax(dim=1).gather(1, batch.intents.unsqueeze(1)).mean()
    slots = learner.network.crf.negative_log_likelihood(emissions, batch.tags, batch.unit_mask)
    torch.testing.assert_close(learner.model(batch), slots - log_probability)


def test_loss_ignores_unknown_intent(learner: MtodLearner) -> None:
    unknown = SHORT.model_copy(update={"intent": "play_game"})
    batch = learner.batch(learner.features([unknown, SHORT]))
    logits, emissions = learner.network.scores(batch)
    slots = learner.network.crf.negative_log_likelihood(emissions, batch.tags, batch.unit_mask)
    assert batch.intents[0] == IGNORED_INTENT
    torch.testing.assert_close(learner.model(batch), slots - logits[1].log_softmax(dim=0)[batch.intents[1]])


def test_loss_is_finite_when_all_intents_are_unknown(learner: MtodLearner) -> None:
    unknown = SHORT.model_copy(update={"intent": "play_game"})
    value = loss(learner, [unknown, unknown])
    (gradient,) = torch.autograd.grad(value, [learner.network.intent_head.weight])
    assert torch.isfinite(value)
    assert gradient.abs().max() == 0


def test_encoder_and_head_parameters_partition_model(learner: MtodLearner) -> None:
    encoder = {id(tensor) for tensor in learner.encoder_parameters}
    heads = {id(tensor) for tensor in learner.head_parameters}
    assert not encoder & heads
    assert encoder | heads == {id(tensor) for tensor in learner.model.parameters()}
    assert len(heads) == 7


def test_heads_are_reproducible_by_seed(bert_folder: Path) -> None:
    first, second, other = (tiny_learner(bert_folder, english(), seed=seed) for seed in (1, 1, 2))
    weight = first.network.slot_head.weight
    assert torch.equal(weight, second.network.slot_head.weight)
    assert not torch.equal(weight, other.network.slot_head.weight)


def test_extend_labels_keeps_old_weights(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    old_labels = learner.labels
    old = {name: tensor.detach().clone() for name, tensor in learner.network.named_parameters()}
    learner.extend_labels(LabelSet.of(NOVEL))
    assert learner.labels.intents == (*old_labels.intents, "play_game")
    assert learner.labels.slots == (*old_labels.slots, "game")
    assert learner.labels.tags[: len(old_labels.tags)] == old_labels.tags
    for name, tensor in learner.network.named_parameters():
        leading = tensor[tuple(slice(size) for size in old[name].shape)]
        assert torch.equal(leading, old[name]), name
    assert learner.network.intent_head.out_features == len(learner.labels.intents)
    assert learner.network.slot_head.out_features == len(learner.labels.tags)
    assert learner.network.crf.transitions.shape == (len(learner.labels.tags),) * 2


def test_extend_labels_keeps_scores_of_old_labels(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    learner.model.eval()
    batch = learner.batch(learner.features([SHORT]))
    before = learner.network.scores(batch)
    learner.extend_labels(LabelSet.of(NOVEL))
    after = learner.network.scores(batch)
    for old, new in zip(before, after, strict=True):
        torch.testing.assert_close(new[..., : old.shape[-1]], old)


def test_extended_heads_receive_gradients(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    learner.extend_labels(LabelSet.of(NOVEL))
    features: list[Features] = learner.features(NOVEL)
    assert features[0].intent == learner.labels.intent_ids["play_game"]
    learner.model(learner.batch(features)).backward()
    assert {id(tensor) for tensor in learner.head_parameters} <= {
        id(tensor) for tensor in learner.model.parameters()
    }
    assert all(tensor.requires_grad and tensor.grad is not None for tensor in learner.head_parameters)


def test_extend_labels_is_noop_for_existing_labels(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    before = {name: tensor.detach().clone() for name, tensor in learner.network.named_parameters()}
    learner.extend_labels(LabelSet.of(english()[:4]))
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.network.named_parameters())


def _gradients(learner: MtodLearner, value: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(value, list(learner.model.parameters())))
