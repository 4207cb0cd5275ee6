"""Splits of few-shot questions: held-out by context, meta-train and meta-adapt. Torch-free, for planning."""

import random
from collections.abc import Sequence
from typing import Final

from core.tasks.data_split import Pools
from core.tasks.holdout import sorted_by_hash, split_indices

META_ADAPT_SHARE: Final = 0.4
"""Share of the target's few-shot data (the paper's; the rest is meta-train)."""

SMALLEST_SPLIT: Final = 40
"""Minimum of questions to split into two pools: with fewer, neighbours in a pool would hardly be similar."""

QUESTIONS: Final = "questions"
"""Name of the only class, for `Pools.shared`."""


def hold_out(contexts: Sequence[str], fraction: float) -> tuple[list[int], list[int]]:
    """Split questions into training and evaluation, by context.

    Which contexts are held out depends only on their hashes: the next run, with another seed or more
    questions, holds out the same ones, so that the deployed model was not trained on its evaluation data.

    Args:
        contexts: The context of each question.
        fraction: Share of the contexts to hold out, between 0 and 1; of two contexts or more, at least one
            is held out and at least one is not.

    Returns:
        Indices for training and for evaluation, ascending.
    """
    distinct = sorted_by_hash(set(contexts))
    held_out_count = min(max(1, round(len(distinct) * fraction)), len(distinct) - 1)
    return split_indices(contexts, set(distinct[:held_out_count]))


def adaptation_pools(count: int, *, seed: int) -> Pools:
    """Split questions 60 : 40 into the pools of the two stages.

    Args:
        count: Number of questions.
        seed: Seed of the shuffle; the same seed gives the same pools.
    """
    indices = tuple(range(count))
    if count < SMALLEST_SPLIT:
        return Pools(indices, indices, shared=(QUESTIONS,))
    order = list(indices)
    random.Random(seed).shuffle(order)  # noqa: S311 - reproducible, not secret
    cut = round(count * META_ADAPT_SHARE)
    return Pools(tuple(sorted(order[cut:])), tuple(sorted(order[:cut])))
