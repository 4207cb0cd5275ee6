"""Few-shot questions cut: held-out by context, then meta-train | meta-adapt. Torch-free, for planning."""

import random
from collections.abc import Sequence
from typing import Final

from core.tasks.data_split import Pools
from core.tasks.holdout import in_lasting_order, indices_of

META_ADAPT_SHARE: Final = 0.4
"""Of the target's few-shot data (the paper's; the rest is meta-train)."""

SMALLEST_SPLIT: Final = 40
"""Questions that are cut in two pools: with fewer, a pool's neighbours would hardly be alike."""

QUESTIONS: Final = "questions"
"""The only class there is, where pools tell which classes they share."""


def hold_out(contexts: Sequence[str], fraction: float) -> tuple[list[int], list[int]]:
    """Part questions into training and evaluation, by context.

    Which contexts are held out follows from their hashes alone: the next run, with another seed or more
    questions, holds out the same ones, so that the model that serves has not learnt what it is measured on.

    Args:
        contexts: The context of each question.
        fraction: Share of the contexts to hold out, between 0 and 1; at least one is held out and one kept,
            where there are two.

    Returns:
        Indices for training and for evaluation, ascending.
    """
    distinct = in_lasting_order(set(contexts))
    wanted = min(max(1, round(len(distinct) * fraction)), len(distinct) - 1)
    return indices_of(contexts, set(distinct[:wanted]))


def adaptation_pools(count: int, *, seed: int) -> Pools:
    """Part questions 60 : 40 into the pools of the two stages.

    Args:
        count: How many there are.
        seed: Two calls with one seed part alike.
    """
    everything = tuple(range(count))
    if count < SMALLEST_SPLIT:
        return Pools(everything, everything, shared=(QUESTIONS,))
    order = list(everything)
    random.Random(seed).shuffle(order)  # noqa: S311 - reproducible, not secret
    cut = round(count * META_ADAPT_SHARE)
    return Pools(tuple(sorted(order[cut:])), tuple(sorted(order[:cut])))
