"""What batches of every task share: like lengths together, padding, and a place on a device."""

from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

STATES_TOKENS = 8_192
"""Tokens in one pass whose states are kept, padding included: bounds what is held beside them."""

BatchT = TypeVar("BatchT", bound="DataclassInstance")


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
