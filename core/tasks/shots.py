"""How many examples an episode takes, and of which classes. Torch-free, so that the api can plan."""

from collections.abc import Mapping

SIDE = 12
"""Examples on a side of an episode where nobody says how many: about a batch of plain fine-tuning."""

SMALLEST_MINIBATCH = 8
"""Support examples an inner step should see at least; with fewer, steps share minibatches."""


def shots(asked: int | None, classes: int) -> int:
    """Return the examples a class on one side of an episode.

    Args:
        asked: A user's own number, or None.
        classes: Classes in the target's data.
    """
    return asked or max(1, round(SIDE / max(1, classes)))


def presence(counts: Mapping[str, int]) -> dict[str, float]:
    """Return the chance of each class to be in an episode.

    A class that has fewer examples than the middle one sits out in proportion: two examples that are
    asked in every episode would be asked ten times as often as those of the other classes, and the
    model would find them everywhere.

    Args:
        counts: Class → examples in the pool.
    """
    if not counts:
        return {}
    middle = sorted(counts.values())[len(counts) // 2]
    return {name: min(1.0, count / middle) for name, count in counts.items()}


def side_sizes(available: int, k_shot: int, q_shot: int) -> tuple[int, int]:
    """Return how many of a class's examples go to support and to query, disjoint.

    Where there are too few for both, each side gets half, the query the odd one.

    Args:
        available: Examples of the class in the one pool both sides draw from.
        k_shot: Wanted for the support.
        q_shot: Wanted for the query.
    """
    if available >= k_shot + q_shot:
        return k_shot, q_shot
    given_k = min(k_shot, available // 2)
    return given_k, min(q_shot, available - given_k)


def minibatch_count(support: float, inner_steps: int) -> int:
    """Return in how many parts a support set is cut, each for one inner step or several in turn."""
    return min(inner_steps, max(1, int(support) // SMALLEST_MINIBATCH))
