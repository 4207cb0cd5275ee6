"""Frozen tensors, LoRA adapters, and their merging."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.contracts.values import Trainable
from core.tasks.mtod.learner import MtodLearner
from core.training.adapters import adapter_state, load_adapters, merge_adapters, set_trainable
from core.training.optimiser import OuterOptimiser
from tests.core.tiny import english, tiny_learner
from tests.core.training.toys import same_state, state_of


@pytest.fixture
def learner(bert_folder: Path) -> MtodLearner:
    return tiny_learner(bert_folder, english())


def train(learner: MtodLearner) -> None:
    """Take two steps at a learning rate that changes every trainable tensor."""
    optimiser = OuterOptimiser(learner, encoder_lr=0.01, heads_lr=0.01, steps=3, warmup=0)
    for _ in range(2):
        learner.model(learner.batch(learner.features(english()))).backward()
        optimiser.step()


def scores(learner: MtodLearner) -> tuple[Tensor, Tensor]:
    learner.model.eval()
    with torch.no_grad():
        logits: tuple[Tensor, Tensor] = learner.network.scores(learner.batch(learner.features(english())))
    return logits


@pytest.mark.parametrize("trainable", [Trainable.HEADS, Trainable.LORA])
def test_set_trainable_leaves_encoder_weights_unchanged(trainable: Trainable, learner: MtodLearner) -> None:
    before = state_of(learner.body)
    set_trainable(learner.body, trainable, seed=1)
    train(learner)
    after = {name.replace(".base_layer", ""): tensor for name, tensor in state_of(learner.body).items()}
    assert same_state(before, {name: tensor for name, tensor in after.items() if "lora_" not in name})
    assert learner.encoder_parameters == []


def test_set_trainable_all_trains_every_encoder_tensor(learner: MtodLearner) -> None:
    set_trainable(learner.body, Trainable.ALL, seed=1)
    assert len(learner.encoder_parameters) == len(list(learner.body.parameters()))


def test_lora_starts_as_identity_and_trains_at_head_rate(learner: MtodLearner) -> None:
    before = scores(learner)
    set_trainable(learner.body, Trainable.LORA, seed=1)
    torch.testing.assert_close(scores(learner), before, rtol=0, atol=0)
    heads = 3 + 2 * 2  # transitions of three kinds; weight and bias of two heads
    matrices = [name for name, tensor in learner.body.named_parameters() if tensor.requires_grad]
    assert len(matrices) == 2 * 2 * 6  # two matrices for each of six linear maps in each of two layers
    assert all("lora_" in name for name in matrices)
    assert len(learner.head_parameters) == heads + len(matrices)


def test_merge_adapters_keeps_scores_and_parameter_names(learner: MtodLearner) -> None:
    names = set(learner.body.state_dict())
    set_trainable(learner.body, Trainable.LORA, seed=1)
    train(learner)
    before = scores(learner)
    merge_adapters(learner.body)
    torch.testing.assert_close(scores(learner), before, rtol=1e-4, atol=1e-5)
    assert set(learner.body.state_dict()) == names


def test_load_adapters_reproduces_hidden_states(learner: MtodLearner, bert_folder: Path) -> None:
    twin = tiny_learner(bert_folder, english())
    set_trainable(learner.body, Trainable.LORA, seed=1)
    train(learner)
    config, tensors = adapter_state(learner.body)
    load_adapters(twin.body, config, tensors)
    ids = learner.batch(learner.features(english())).input_ids
    learner.model.eval()
    twin.model.eval()
    torch.testing.assert_close(
        twin.body(input_ids=ids).last_hidden_state, learner.body(input_ids=ids).last_hidden_state
    )


@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_load_adapters_rejects_mismatched_tensors(
    change: str, learner: MtodLearner, bert_folder: Path
) -> None:
    set_trainable(learner.body, Trainable.LORA, seed=1)
    config, tensors = adapter_state(learner.body)
    name = next(iter(tensors))
    if change == "missing":
        del tensors[name]
    else:
        tensors["encoder.layer.9.output.dense.lora_A.weight"] = tensors[name]
    with pytest.raises(ValueError, match="adapters without"):
        load_adapters(tiny_learner(bert_folder, english()).body, config, tensors)


def test_set_trainable_is_deterministic_for_a_seed(learner: MtodLearner, bert_folder: Path) -> None:
    twin = tiny_learner(bert_folder, english())
    set_trainable(learner.body, Trainable.LORA, seed=3)
    set_trainable(twin.body, Trainable.LORA, seed=3)
    assert same_state(state_of(learner.body), state_of(twin.body))
