"""How many examples of a class go to each side of an episode. Torch-free, so that the api can plan."""


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
