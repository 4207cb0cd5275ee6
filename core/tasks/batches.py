"""What batches of every task share: like lengths together, padding, and a place on a device."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

STATES_TOKENS = 8_192
"""Tokens in one pass whose states are kept, padding included: bounds what is held beside them."""

BatchT = TypeVar("BatchT", bound="DataclassInstance")
FeaturesT = TypeVar("FeaturesT", bound="Remembering")


class Remembering(Sized, Protocol):
    """A dataclass of features that may know its states."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def states(self) -> Tensor | None:
        """What the encoder makes of them."""


def length_batches(features: Sequence[Sized], *, max_tokens: int) -> Iterator[list[int]]:
    """Group indices by length, so that a batch holds little padding and at most `max_tokens` tokens.

    Args:
        features: Anything whose length is its number of tokens.
        max_tokens: Of a batch, padding included; one example alone may have more.
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


def on_device(batch: BatchT, device: torch.device | str) -> BatchT:
    """Return a batch, whose fields are tensors or None, on a device."""
    moved: dict[str, Any] = {
        name: tensor.to(device, non_blocking=True)
        for name in batch.__dataclass_fields__
        if (tensor := getattr(batch, name)) is not None
    }
    return replace(batch, **moved)


def padded(states: Iterable[Tensor | None]) -> Tensor | None:
    """Return states [length, width] of several texts as one [batch, longest, width]; None of none."""
    known = [one for one in states if one is not None]
    return pad_sequence(known, batch_first=True) if known else None


def with_encoder_states(
    features: Sequence[FeaturesT],
    read: Callable[[Sequence[FeaturesT]], Tensor],
    length: Callable[[FeaturesT], int],
) -> list[FeaturesT]:
    """Return features that know what an encoder makes of them.

    Args:
        features: Dataclasses with a field ``states``, whose length is their number of tokens.
        read: What the encoder makes of some, [batch, longest, width].
        length: Of one's states; the rest of them is padding.
    """
    known = list(features)
    for indices in length_batches(features, max_tokens=STATES_TOKENS):
        for index, states in zip(indices, read([features[index] for index in indices]), strict=True):
            # A copy, or one text would keep the states of its whole batch.
            known[index] = replace(known[index], states=states[: length(known[index])].clone())
    return known
