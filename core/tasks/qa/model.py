"""SpanQa: one encoder and a head for the start and the end of an answer (X-METRA-ADA, section 2.2)."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from core.tasks.encoding import encode
from core.tasks.qa.features import Batch

DROPOUT = 0.1
"""Dropout rate before the head; the encoders themselves were trained with it."""


class SpanQa(nn.Module):
    """One linear layer on every token's state: logits that the answer starts, and that it ends, there.

    Args:
        encoder: Returns last-layer states [batch, tokens, width].
    """

    def __init__(self, encoder: PreTrainedModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(DROPOUT)
        self.span_head = nn.Linear(int(encoder.config.hidden_size), 2)

    def forward(self, batch: Batch) -> Tensor:
        """Return the loss, []: the mean of the cross-entropies of starts and of ends, over the batch."""
        start_logits, end_logits = self.scores(batch)
        start_loss = functional.cross_entropy(start_logits, batch.starts)
        end_loss = functional.cross_entropy(end_logits, batch.ends)
        return (start_loss + end_loss) / 2

    def scores(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return start and end logits, [batch, tokens] each, minus infinity outside the context."""
        states = self.states(batch) if batch.states is None else batch.states
        logits = self.span_head(self.dropout(states))  # [batch, tokens, 2]
        starts, ends = logits.masked_fill(~batch.context_mask.unsqueeze(-1), -torch.inf).unbind(-1)
        return starts, ends

    def states(self, batch: Batch) -> Tensor:
        """Return the encoder state of every token, [batch, tokens, width]."""
        types = {} if batch.token_types is None else {"token_type_ids": batch.token_types}
        return encode(self.encoder, input_ids=batch.input_ids, attention_mask=batch.attention_mask, **types)
