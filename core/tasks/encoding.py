"""One pass of an encoder, in half precision where that is faster."""

from typing import Final

import torch
from torch import Tensor
from transformers import PreTrainedModel

HALVED: Final = frozenset({"cuda"})
"""Device types whose encoder passes are taken in bfloat16: on a CPU it is slower than single precision."""


def encode(
    encoder: PreTrainedModel, *, input_ids: Tensor, attention_mask: Tensor, **inputs: Tensor
) -> Tensor:
    """Return the last layer's states, [batch, tokens, width], in the precision of its weights.

    Only the encoder's products are halved. Heads, CRF and losses compute with what is returned, and the
    weights and their gradients stay in single precision, too (Micikevicius et al. 2018).

    Args:
        encoder: Without a head.
        input_ids: [batch, tokens].
        attention_mask: [batch, tokens].
        inputs: What else it takes, such as token types.
    """
    device = input_ids.device.type
    halved = device in HALVED
    with torch.autocast(device, dtype=torch.bfloat16, enabled=halved):
        output = encoder(input_ids=input_ids, attention_mask=attention_mask, **inputs)
    states: Tensor = output.last_hidden_state
    return states.float() if halved else states
