"""What is frozen stays, what is added learns, and what is merged answers as before."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.contracts.values import Trainable
from core.tasks.mtod.learner import MtodLearner
from core.training.adapters import adapters_of, attach, merge, set_trainable
from core.training.optimiser import OuterOptimiser
from tests.core.tiny import english, tiny_learner
from tests.core.training.toys import same_state, state_of


@pytest.fixture
def learner(bert_folder: Path) -> MtodLearner:
    return tiny_learner(bert_folder, english())


def trained(learner: MtodLearner) -> None:
    """Take two steps at a rate that moves everything that can move."""
    optimiser = OuterOptimiser(learner, encoder_lr=0.01, heads_lr=0.01, steps=3, warmup=0)
    for _ in range(2):
        learner.model(learner.batch(learner.features(english()))).backward()
        optimiser.step()


def scores(learner: MtodLearner) -> tuple[Tensor, Tensor]:
    learner.model.eval()
    with torch.no_grad():
        found: tuple[Tensor, Tensor] = learner.network.scores(learner.batch(learner.features(english())))
    return found


@pytest.mark.parametrize("trainable", [Trainable.HEADS, Trainable.LORA])
def test_the_encoders_own_tensors_stay_to_the_bit(trainable: Trainable, learner: MtodLearner) -> None:
    before = state_of(learner.body)
    set_trainable(learner.body, trainable, seed=1)
    trained(learner)
    after = {name.replace(".base_layer", ""): one for name, one in state_of(learner.body).items()}
    assert same_state(before, {name: one for name, one in after.items() if "lora_" not in name})
    assert learner.encoder_parameters == []


def test_all_of_it_learns_unless_told_otherwise(learner: MtodLearner) -> None:
    set_trainable(learner.body, Trainable.ALL, seed=1)
    assert len(learner.encoder_parameters) == len(list(learner.body.parameters()))


def test_adapters_begin_as_nothing_and_learn_at_the_rate_of_what_is_new(learner: MtodLearner) -> None:
    before = scores(learner)
    set_trainable(learner.body, Trainable.LORA, seed=1)
    torch.testing.assert_close(scores(learner), before, rtol=0, atol=0)
    heads = 3 + 2 * 2  # transitions of three kinds; weight and bias of two heads
    matrices = [name for name, one in learner.body.named_parameters() if one.requires_grad]
    assert len(matrices) == 2 * 2 * 6  # two matrices in each of two layers, beside six linear maps
    assert all("lora_" in name for name in matrices)
    assert len(learner.head_parameters) == heads + len(matrices)


def test_merged_adapters_answer_as_they_did_beside(learner: MtodLearner) -> None:
    names = set(learner.body.state_dict())
    set_trainable(learner.body, Trainable.LORA, seed=1)
    trained(learner)
    beside = scores(learner)
    merge(learner.body)
    torch.testing.assert_close(scores(learner), beside, rtol=1e-4, atol=1e-5)
    assert set(learner.body.state_dict()) == names


def test_adapters_are_handed_on_to_an_encoder_of_the_same_weights(
    learner: MtodLearner, bert_folder: Path
) -> None:
    twin = tiny_learner(bert_folder, english())
    set_trainable(learner.body, Trainable.LORA, seed=1)
    trained(learner)
    config, tensors = adapters_of(learner.body)
    attach(twin.body, config, tensors)
    ids = learner.batch(learner.features(english())).input_ids
    learner.model.eval()
    twin.model.eval()
    torch.testing.assert_close(
        twin.body(input_ids=ids).last_hidden_state, learner.body(input_ids=ids).last_hidden_state
    )


@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_adapters_of_something_else_are_refused(change: str, learner: MtodLearner, bert_folder: Path) -> None:
    set_trainable(learner.body, Trainable.LORA, seed=1)
    config, tensors = adapters_of(learner.body)
    name = next(iter(tensors))
    if change == "missing":
        del tensors[name]
    else:
        tensors["encoder.layer.9.output.dense.lora_A.weight"] = tensors[name]
    with pytest.raises(ValueError, match="adapters without"):
        attach(tiny_learner(bert_folder, english()).body, config, tensors)


def test_one_seed_gives_one_start(learner: MtodLearner, bert_folder: Path) -> None:
    twin = tiny_learner(bert_folder, english())
    set_trainable(learner.body, Trainable.LORA, seed=3)
    set_trainable(twin.body, Trainable.LORA, seed=3)
    assert same_state(state_of(learner.body), state_of(twin.body))
