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
def bfloat16_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat the CPU as a device that runs encoders in bfloat16."""
    monkeypatch.setattr(encoding, "BFLOAT16_DEVICES", frozenset({"cpu"}))


def test_encode_uses_precision_of_weights_on_cpu(bert_folder: Path) -> None:
    model = load_encoder(str(bert_folder)).model.double().eval()
    states = encode(model, input_ids=IDS, attention_mask=MASK)
    assert states.dtype is torch.float64
    assert torch.equal(states, model(input_ids=IDS, attention_mask=MASK).last_hidden_state)


@pytest.mark.usefixtures("bfloat16_cpu")
def test_encode_uses_half_precision_inside_encoder_only(bert_folder: Path) -> None:
    model = load_encoder(str(bert_folder)).model.eval()
    dtypes: set[torch.dtype] = set()
    for name, layer in model.named_modules():
        if name.endswith("output.dense"):
            layer.register_forward_hook(lambda _module, _inputs, output: dtypes.add(output.dtype))
    states = encode(model, input_ids=IDS, attention_mask=MASK)
    assert dtypes == {torch.bfloat16}
    assert states.dtype is torch.float32
    torch.testing.assert_close(
        states, model(input_ids=IDS, attention_mask=MASK).last_hidden_state, rtol=0.05, atol=0.05
    )


@pytest.mark.usefixtures("bfloat16_cpu")
def test_heads_and_gradients_are_single_precision_when_encoder_is_half_precision(bert_folder: Path) -> None:
    learner = tiny_learner(bert_folder, english())
    dtypes: list[torch.dtype] = []
    learner.network.slot_head.register_forward_hook(
        lambda _module, _inputs, output: dtypes.append(output.dtype)
    )
    loss = learner.model(learner.batch(learner.features(english())))
    loss.backward()
    assert loss.dtype is torch.float32
    assert dtypes == [torch.float32]
    gradients = [parameter.grad for parameter in learner.model.parameters() if parameter.grad is not None]
    assert gradients
    assert all(gradient.dtype is torch.float32 and gradient.isfinite().all() for gradient in gradients)
