"""Splits of few-shot data by intent: held-out, meta-train and meta-adapt. Torch-free, for planning."""

import random
from collections import defaultdict
from collections.abc import Sequence

from core.tasks.data_split import Pools
from core.tasks.holdout import sorted_by_hash, split_indices

META_ADAPT_SHARE = 0.25
"""Share of the target's few-shot data (the paper's; the rest is meta-train)."""

SMALLEST_SPLIT_INTENT = 40
"""Minimum of examples to split an intent into two pools: less than ten in the smaller one are memorised."""

SMALLEST_HELD_OUT_INTENT = 3
"""Minimum of texts to hold one of an intent out for evaluation."""


def hold_out(texts: Sequence[str], intents: Sequence[str], fraction: float) -> tuple[list[int], list[int]]:
    """Split examples into training and evaluation, by intent.

    Which texts are held out depends only on their hashes: the next run, with another seed or more
    examples, holds out the same ones, so that the deployed model was not trained on its evaluation data.
    A text that occurs twice is on one side only.

    Args:
        texts: The text of each example.
        intents: The intent of each example.
        fraction: Share of each intent's texts to hold out, between 0 and 1. At least one text of an intent
            of three or more is held out and at least two are left; none of a smaller intent is.

    Returns:
        Indices for training and for evaluation, ascending.
    """
    texts_by_intent: dict[str, set[str]] = defaultdict(set)
    for text, intent in zip(texts, intents, strict=True):
        texts_by_intent[intent].add(text)
    held_out: set[str] = set()
    for group in texts_by_intent.values():
        if len(group) >= SMALLEST_HELD_OUT_INTENT:
            count = max(1, round(len(group) * fraction))
            held_out.update(sorted_by_hash(group)[: min(count, len(group) - 2)])
    return split_indices(texts, held_out)


def adaptation_pools(intents: Sequence[str], *, seed: int) -> Pools:
    """Split few-shot examples 75 : 25 into the pools of the two stages, by intent.

    Args:
        intents: The intent of each example.
        seed: Seed of the shuffle; the same seed gives the same pools.
    """
    meta_train: list[int] = []
    meta_adapt: list[int] = []
    shared: list[str] = []
    for intent, members in _shuffled_by_intent(intents, seed).items():
        if len(members) < SMALLEST_SPLIT_INTENT:
            shared.append(intent)
            meta_train.extend(members)
            meta_adapt.extend(members)
        else:
            cut = round(len(members) * META_ADAPT_SHARE)
            meta_adapt.extend(members[:cut])
            meta_train.extend(members[cut:])
    return Pools(tuple(sorted(meta_train)), tuple(sorted(meta_adapt)), tuple(sorted(shared)))


def _shuffled_by_intent(intents: Sequence[str], seed: int) -> dict[str, list[int]]:
    """Group shuffled indices by intent, intents sorted."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, intent in enumerate(intents):
        groups[intent].append(index)
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    for intent in sorted(groups):
        rng.shuffle(groups[intent])
    return dict(sorted(groups.items()))
