"""How many triplets an episode takes of small pools. Torch-free, so that the api can plan."""


def sides(pool: int, k_shot: int, q_shot: int) -> tuple[int, int]:
    """Return how many triplets of one pool go to support and to query, disjoint.

    Args:
        pool: Different triplets to draw both sides from.
        k_shot: Wanted for the support; fewer than `q_shot` mean one neighbour a query.
        q_shot: Wanted for the query; at most half of the pool is asked.

    Returns:
        k and q, k a multiple of q (X-METRA-ADA, section 2.3.2); k is 0 where the pool has less than two.
    """
    asked = max(1, min(q_shot, pool // 2))
    return _support(pool - asked, k_shot, asked), asked


def cross_lingual_sides(source: int, target: int, k_shot: int, q_shot: int) -> tuple[int, int]:
    """Return how many triplets go to a support from one pool and to a query from another.

    Args:
        source: Different triplets to draw the support from.
        target: Different triplets to draw the query from.
        k_shot: Wanted for the support; fewer than `q_shot` mean one neighbour a query.
        q_shot: Wanted for the query; no more than there are neighbours for.

    Returns:
        k and q, k a multiple of q; k is 0 where the source is empty.
    """
    asked = max(1, min(q_shot, target, source))
    return _support(source, k_shot, asked), asked


def _support(available: int, k_shot: int, asked: int) -> int:
    """Return the largest multiple of `asked` that is there and wanted, one neighbour a query at least."""
    return min(available // asked, max(1, k_shot // asked)) * asked
