"""Batching of every task's features: grouping by length, padding, cached encoder states, device transfer."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

STATES_BATCH_TOKENS = 8_192
"""Tokens of one forward pass whose states are cached, padding included: bounds the memory of the pass."""

BatchT = TypeVar("BatchT", bound="DataclassInstance")
FeaturesT = TypeVar("FeaturesT", bound="CacheableFeatures")


class CacheableFeatures(Sized, Protocol):
    """A dataclass of features that can hold encoder states."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def states(self) -> Tensor | None:
        """The encoder states of the features, [length, width]; None if they are not cached."""


def length_batches(features: Sequence[Sized], *, max_tokens: int) -> Iterator[list[int]]:
    """Group indices by length, so that a batch has little padding and at most `max_tokens` tokens.

    Args:
        features: Objects whose length is their number of tokens.
        max_tokens: Limit of a batch, padding included; a single example may exceed it.
    """
    order = sorted(range(len(features)), key=lambda index: len(features[index]))
    batch: list[int] = []
    for index in order:
        # `order` grows in length, so the newest text is the longest of its batch.
        if batch and len(features[index]) * (len(batch) + 1) > max_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def pad_sequences(rows: Sequence[Sequence[int]], padding: int) -> Tensor:
    """Return rows of different lengths as one tensor, [rows, longest]."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[padding] * (longest - len(row))] for row in rows])


def move_to_device(batch: BatchT, device: torch.device | str) -> BatchT:
    """Return a copy of a batch, whose fields are tensors or None, on a device."""
    moved: dict[str, Any] = {
        name: tensor.to(device, non_blocking=True)
        for name in batch.__dataclass_fields__
        if (tensor := getattr(batch, name)) is not None
    }
    return replace(batch, **moved)


def pad_states(states: Iterable[Tensor | None]) -> Tensor | None:
    """Return the states [length, width] of several texts as one tensor, [batch, longest, width].

    Args:
        states: The states of each text; all of them None if states are not cached.

    Returns:
        None if states are not cached.
    """
    cached = [tensor for tensor in states if tensor is not None]
    return pad_sequence(cached, batch_first=True) if cached else None


def with_encoder_states(
    features: Sequence[FeaturesT],
    encode_batch: Callable[[Sequence[FeaturesT]], Tensor],
    length: Callable[[FeaturesT], int],
) -> list[FeaturesT]:
    """Return features with their encoder states cached.

    Args:
        features: Dataclasses with a field ``states``, whose length is their number of tokens.
        encode_batch: Returns the encoder states of a batch of features, [batch, longest, width].
        length: Returns the number of states of a text; the rest of its row is padding.
    """
    cached = list(features)
    for indices in length_batches(features, max_tokens=STATES_BATCH_TOKENS):
        batch_states = encode_batch([features[index] for index in indices])  # [batch, longest, width]
        for index, states in zip(indices, batch_states, strict=True):
            # A copy, or one text would keep the states of its whole batch in memory.
            cached[index] = replace(cached[index], states=states[: length(cached[index])].clone())
    return cached
