"""JointNlu: one encoder, an intent head and a slot head with a CRF (X-METRA-ADA, section 2.1)."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from core.encoders.loading import Pooling
from core.tasks.encoding import encode
from core.tasks.mtod.crf import Crf
from core.tasks.mtod.features import IGNORED_INTENT, Batch
from core.tasks.mtod.labels import LabelSet

DROPOUT = 0.3
"""Dropout rate before both heads; the paper's."""

MAX_PARTS = 4
SMALLEST_PART = 16
"""Most parts of a batch, and fewest rows of a part: with fewer rows the matrix product is inefficient."""


class JointNlu(nn.Module):
    """Intent from the state of the whole text, slots from each unit's first token and a CRF over BIO tags.

    Args:
        encoder: Returns last-layer states [batch, tokens, width].
        labels: The labels to predict.
        pooling: Whether the state of a whole text is the first token's or the mean of all tokens'.
    """

    def __init__(self, encoder: PreTrainedModel, labels: LabelSet, pooling: Pooling) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        width = int(encoder.config.hidden_size)
        self.dropout = nn.Dropout(DROPOUT)
        self.intent_head = nn.Linear(width, len(labels.intents))
        self.slot_head = nn.Linear(width, len(labels.tags))
        self.crf = Crf(labels.tags)

    def forward(self, batch: Batch) -> Tensor:
        """Return the loss, []: intent cross-entropy plus CRF negative log-likelihood, batch means."""
        intent_logits, emissions = self.scores(batch)
        # If all intents of a batch are unknown, the mean is 0, not 0/0.
        known = (batch.intents != IGNORED_INTENT).sum().clamp(min=1)
        intent_loss = (
            functional.cross_entropy(
                intent_logits, batch.intents, ignore_index=IGNORED_INTENT, reduction="sum"
            )
            / known
        )
        slot_loss: Tensor = self.crf.negative_log_likelihood(emissions, batch.tags, batch.unit_mask)
        return intent_loss + slot_loss

    def scores(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return intent logits [batch, intents] and slot emissions [batch, units, tags]."""
        states = self.states(batch) if batch.states is None else batch.states
        return self.intent_head(self.dropout(states[:, 0])), self.slot_head(self.dropout(states[:, 1:]))

    def states(self, batch: Batch) -> Tensor:
        """Return the encoder states of whole texts and of their units, [batch, 1 + units, width].

        The batch is encoded in parts of similar length: an episode is drawn by intent, not by length, and
        half of it would be padding.
        """
        order = batch.attention_mask.sum(1).argsort(stable=True)  # [batch]
        parts = order.chunk(max(1, min(MAX_PARTS, len(order) // SMALLEST_PART)))
        return torch.cat([self._part_states(batch, rows) for rows in parts])[order.argsort()]

    def _part_states(self, batch: Batch, rows: Tensor) -> Tensor:
        """Return the states of some rows, [rows, 1 + units, width]."""
        longest = int(batch.attention_mask[rows].sum(1).max())
        mask = batch.attention_mask[rows, :longest]
        states = encode(self.encoder, input_ids=batch.input_ids[rows, :longest], attention_mask=mask)
        index = batch.unit_tokens[rows].unsqueeze(-1).expand(-1, -1, states.shape[-1])  # [rows, units, width]
        return torch.cat([self._pooled(states, mask).unsqueeze(1), states.gather(1, index)], dim=1)

    def _pooled(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return one state per text, [rows, width]."""
        if self.pooling is Pooling.CLS:
            return states[:, 0]
        weights = mask.unsqueeze(-1).to(states.dtype)  # [rows, tokens, 1]
        return (states * weights).sum(1) / weights.sum(1)

    @torch.no_grad()
    def extend(self, labels: LabelSet) -> None:
        """Extend the heads by labels at the end; the weights of the old labels are kept.

        Args:
            labels: The old labels followed by the new ones (`LabelSet.extended`).
        """
        self.intent_head = _extended(self.intent_head, len(labels.intents))
        self.slot_head = _extended(self.slot_head, len(labels.tags))
        old, self.crf = self.crf, Crf(labels.tags).to(self.intent_head.weight.device)
        for name, tensor in old.named_parameters():
            target = self.crf.get_parameter(name)
            target[tuple(slice(size) for size in tensor.shape)] = tensor


def _extended(head: nn.Linear, outputs: int) -> nn.Linear:
    """Return a linear layer with more outputs, the first of which are the old layer's."""
    extended = nn.Linear(head.in_features, outputs).to(head.weight.device)
    extended.weight[: head.out_features] = head.weight
    extended.bias[: head.out_features] = head.bias
    return extended
