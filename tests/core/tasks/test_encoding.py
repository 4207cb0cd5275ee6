from pathlib import Path

import pytest
import torch

from core.encoders.loading import load_encoder
from core.tasks import encoding
from core.tasks.encoding import encode
from tests.core.tiny import english, tiny_learner

IDS = torch.tensor([[2, 11, 12, 3], [2, 13, 3, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])


@pytest.fixture
def halved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat the CPU as a device that computes faster in half precision."""
    monkeypatch.setattr(encoding, "HALVED", frozenset({"cpu"}))


def test_a_cpu_computes_in_the_precision_of_the_weights(bert_folder: Path) -> None:
    model = load_encoder(str(bert_folder)).model.double().eval()
    states = encode(model, input_ids=IDS, attention_mask=MASK)
    assert states.dtype is torch.float64
    assert torch.equal(states, model(input_ids=IDS, attention_mask=MASK).last_hidden_state)


@pytest.mark.usefixtures("halved")
def test_half_precision_is_the_encoders_alone(bert_folder: Path) -> None:
    model = load_encoder(str(bert_folder)).model.eval()
    inside: set[torch.dtype] = set()
    for name, layer in model.named_modules():
        if name.endswith("output.dense"):
            layer.register_forward_hook(lambda _module, _inputs, output: inside.add(output.dtype))
    states = encode(model, input_ids=IDS, attention_mask=MASK)
    assert inside == {torch.bfloat16}
    assert states.dtype is torch.float32
    torch.testing.assert_close(
        states, model(input_ids=IDS, attention_mask=MASK).last_hidden_state, rtol=0.05, atol=0.05
    )


@pytest.mark.usefixtures("halved")
def test_a_model_whose_encoder_is_halved_learns_in_single_precision(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    seen: list[torch.dtype] = []
    learner.network.slot_head.register_forward_hook(
        lambda _module, _inputs, output: seen.append(output.dtype)
    )
    loss = learner.model(learner.batch(learner.features(english())))
    loss.backward()
    assert loss.dtype is torch.float32
    assert seen == [torch.float32]
    gradients = [one.grad for one in learner.model.parameters() if one.grad is not None]
    assert gradients
    assert all(one.dtype is torch.float32 and one.isfinite().all() for one in gradients)
