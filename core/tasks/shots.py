"""Size of episodes: examples per class, and inclusion of classes. Torch-free, so that the api can plan."""

from collections.abc import Mapping

DEFAULT_EXAMPLES_PER_SIDE = 12
"""Examples on a side of an episode by default: about a batch of plain fine-tuning."""

SMALLEST_MINIBATCH = 8
"""Minimum of support examples in an inner step; with fewer, several steps share a minibatch."""


def shots_per_class(requested: int | None, classes: int) -> int:
    """Return the number of examples per class on one side of an episode.

    Args:
        requested: The configured number, or None for the default.
        classes: Number of classes in the target's data.
    """
    return requested or max(1, round(DEFAULT_EXAMPLES_PER_SIDE / max(1, classes)))


def inclusion_probabilities(counts: Mapping[str, int]) -> dict[str, float]:
    """Return the probability of each class to be included in an episode.

    A class with fewer examples than the median class is included in proportion to its size: if a class of two
    examples were part of every episode, these would be drawn ten times as often as those of the other
    classes, and the model would predict the class everywhere.

    Args:
        counts: Class → number of examples in the pool.
    """
    if not counts:
        return {}
    median = sorted(counts.values())[len(counts) // 2]
    return {name: min(1.0, count / median) for name, count in counts.items()}


def support_query_sizes(available: int, k_shot: int, q_shot: int) -> tuple[int, int]:
    """Return how many of a class's examples go to support and to query, disjoint.

    If there are too few for both, each side gets half, the query the odd one.

    Args:
        available: Examples of the class in the pool that both sides draw from.
        k_shot: Requested size of the support.
        q_shot: Requested size of the query.
    """
    if available >= k_shot + q_shot:
        return k_shot, q_shot
    support = min(k_shot, available // 2)
    return support, min(q_shot, available - support)


def minibatch_count(support: float, inner_steps: int) -> int:
    """Return the number of minibatches of a support set; inner steps cycle through them."""
    return min(inner_steps, max(1, int(support) // SMALLEST_MINIBATCH))
