"""Few-shot data cut by intent: held-out | meta-train | meta-adapt. Torch-free, so that the api can plan."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

META_ADAPT_SHARE = 0.25
"""Of the target's few-shot data (the paper's; the rest is meta-train)."""

SMALLEST_SPLIT_INTENT = 4
"""Examples an intent needs to be cut in two pools: the smaller gets two, one for each side of an episode."""

SMALLEST_HELD_OUT_INTENT = 3
"""Examples an intent needs to give one away for evaluation."""


@dataclass(frozen=True, slots=True)
class Pools:
    """Indices of the few-shot examples that each stage may draw.

    Attributes:
        meta_train: For query sets of meta-train.
        meta_adapt: For both sides of meta-adapt.
        shared: Intents too small to be cut: their examples are in both pools, and only the two sides
            of one episode are kept apart.
    """

    meta_train: tuple[int, ...]
    meta_adapt: tuple[int, ...]
    shared: tuple[str, ...]


def hold_out(intents: Sequence[str], fraction: float, *, seed: int) -> tuple[list[int], list[int]]:
    """Part examples into training and evaluation, by intent.

    Args:
        intents: The intent of each example.
        fraction: Share to hold out, between 0 and 1; an intent of three examples or more gives at
            least one and keeps at least two, a smaller one gives none.
        seed: Two calls with one seed part alike.

    Returns:
        Indices for training and for evaluation, ascending.
    """
    held: list[int] = []
    for members in _by_intent(intents, seed).values():
        if len(members) >= SMALLEST_HELD_OUT_INTENT:
            wanted = max(1, round(len(members) * fraction))
            held.extend(members[: min(wanted, len(members) - 2)])
    chosen = set(held)
    return [index for index in range(len(intents)) if index not in chosen], sorted(held)


def adaptation_pools(intents: Sequence[str], *, seed: int) -> Pools:
    """Part few-shot examples 75 : 25 into the pools of the two stages, by intent.

    Args:
        intents: The intent of each example.
        seed: Two calls with one seed part alike.
    """
    meta_train: list[int] = []
    meta_adapt: list[int] = []
    shared: list[str] = []
    for intent, members in _by_intent(intents, seed).items():
        if len(members) < SMALLEST_SPLIT_INTENT:
            shared.append(intent)
            meta_train.extend(members)
            meta_adapt.extend(members)
        else:
            cut = max(2, round(len(members) * META_ADAPT_SHARE))
            meta_adapt.extend(members[:cut])
            meta_train.extend(members[cut:])
    return Pools(tuple(sorted(meta_train)), tuple(sorted(meta_adapt)), tuple(sorted(shared)))


def _by_intent(intents: Sequence[str], seed: int) -> dict[str, list[int]]:
    """Group shuffled indices by intent, intents sorted."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, intent in enumerate(intents):
        groups[intent].append(index)
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    for intent in sorted(groups):
        draw.shuffle(groups[intent])
    return dict(sorted(groups.items()))
