"""Split of examples into training and evaluation data, shared by the tasks."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

ExampleT = TypeVar("ExampleT")

HoldOut = Callable[[], tuple[list[int], list[int]]]
"""Returns the indices of the training examples and of the held-out examples."""


def train_evaluation_split(
    examples: Sequence[ExampleT], evaluation: Sequence[ExampleT] | None, hold_out: HoldOut
) -> tuple[tuple[ExampleT, ...], tuple[ExampleT, ...]]:
    """Return the training examples and the evaluation examples.

    Args:
        examples: The few-shot data.
        evaluation: Evaluation examples, or None to hold out some of the few-shot data.
        hold_out: Selects the held-out examples; called only if `evaluation` is None.
    """
    if evaluation is not None:
        return tuple(examples), tuple(evaluation)
    train_indices, held_out_indices = hold_out()
    return (
        tuple(examples[index] for index in train_indices),
        tuple(examples[index] for index in held_out_indices),
    )


def split_indices(texts: Sequence[str], held_out: set[str]) -> tuple[list[int], list[int]]:
    """Return the indices of the texts that are not in `held_out`, and of those that are."""
    held_out_indices = [index for index, text in enumerate(texts) if text in held_out]
    return [index for index, text in enumerate(texts) if text not in held_out], held_out_indices


def sorted_by_hash(texts: Iterable[str]) -> list[str]:
    """Return texts sorted by their SHA-256: an order that is the same in every run and with more texts."""
    return sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())
