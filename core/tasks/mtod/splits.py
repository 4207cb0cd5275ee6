"""Few-shot data cut by intent: held-out | meta-train | meta-adapt. Torch-free, so that the api can plan."""

import random
from collections import defaultdict
from collections.abc import Sequence

from core.tasks.data_split import Pools
from core.tasks.holdout import in_lasting_order, indices_of

META_ADAPT_SHARE = 0.25
"""Of the target's few-shot data (the paper's; the rest is meta-train)."""

SMALLEST_SPLIT_INTENT = 40
"""Examples an intent needs to be cut in two pools: less than ten in the smaller one are learnt by heart."""

SMALLEST_HELD_OUT_INTENT = 3
"""Examples an intent needs to give one away for evaluation."""


def hold_out(texts: Sequence[str], intents: Sequence[str], fraction: float) -> tuple[list[int], list[int]]:
    """Part examples into training and evaluation, by intent.

    Which texts are held out follows from their hashes alone: the next run, with another seed or more
    examples, holds out the same ones, so that the model that serves has not learnt what it is measured
    on. A text that occurs twice is on one side only.

    Args:
        texts: The text of each example.
        intents: The intent of each example.
        fraction: Share of each intent's texts to hold out, between 0 and 1; an intent of three texts or
            more gives at least one and keeps at least two, a smaller one gives none.

    Returns:
        Indices for training and for evaluation, ascending.
    """
    own: dict[str, set[str]] = defaultdict(set)
    for text, intent in zip(texts, intents, strict=True):
        own[intent].add(text)
    chosen: set[str] = set()
    for group in own.values():
        if len(group) >= SMALLEST_HELD_OUT_INTENT:
            wanted = max(1, round(len(group) * fraction))
            chosen.update(in_lasting_order(group)[: min(wanted, len(group) - 2)])
    return indices_of(texts, chosen)


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
            cut = round(len(members) * META_ADAPT_SHARE)
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
