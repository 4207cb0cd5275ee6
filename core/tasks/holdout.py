"""Examples parted into what is learnt from and what is held out: what tasks do alike."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

PartedT = TypeVar("PartedT")

HoldOut = Callable[[], tuple[list[int], list[int]]]
"""Returns the indices of what is kept and of what is held out."""


def part(
    examples: Sequence[PartedT], evaluation: Sequence[PartedT] | None, hold_out: HoldOut
) -> tuple[tuple[PartedT, ...], tuple[PartedT, ...]]:
    """Return the examples to learn from and those to measure on.

    Args:
        examples: The few-shot data.
        evaluation: Held-out examples, or None to take some of the few-shot data.
        hold_out: Says which, where no evaluation is given.
    """
    if evaluation is not None:
        return tuple(examples), tuple(evaluation)
    kept, held = hold_out()
    return tuple(examples[index] for index in kept), tuple(examples[index] for index in held)


def indices_of(texts: Sequence[str], chosen: set[str]) -> tuple[list[int], list[int]]:
    """Return the indices of the texts that are not among the chosen, and of those that are."""
    held = [index for index, text in enumerate(texts) if text in chosen]
    return [index for index, text in enumerate(texts) if text not in chosen], held


def in_lasting_order(texts: Iterable[str]) -> list[str]:
    """Return texts by their hashes: no order of meaning, but the same in every run and among more texts."""
    return sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())
