"""Forward pass of an encoder, in half precision on devices where that is faster."""

from typing import Final

import torch
from torch import Tensor
from transformers import PreTrainedModel

BFLOAT16_DEVICES: Final = frozenset({"cuda"})
"""Device types whose encoder passes run in bfloat16: on a CPU it is slower than single precision."""


def encode(
    encoder: PreTrainedModel, *, input_ids: Tensor, attention_mask: Tensor, **inputs: Tensor
) -> Tensor:
    """Return the last layer's states, [batch, tokens, width], in the precision of the encoder's weights.

    Only the encoder's matrix products run in half precision. Heads, CRF and losses compute with the returned
    states, and the weights and their gradients stay in single precision, too (Micikevicius et al. 2018).

    Args:
        encoder: The encoder without a head.
        input_ids: Token ids, [batch, tokens].
        attention_mask: 1 on tokens and 0 on padding, [batch, tokens].
        inputs: Further inputs of the encoder, such as token types.
    """
    device = input_ids.device.type
    half_precision = device in BFLOAT16_DEVICES
    with torch.autocast(device, dtype=torch.bfloat16, enabled=half_precision):
        output = encoder(input_ids=input_ids, attention_mask=attention_mask, **inputs)
    states: Tensor = output.last_hidden_state
    return states.float() if half_precision else states
