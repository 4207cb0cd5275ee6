"""Size of episodes of triplets, also for small pools. Torch-free, so that the api can plan."""


def within_language_sizes(pool: int, k_shot: int, q_shot: int) -> tuple[int, int]:
    """Return how many triplets of one pool go to support and to query, disjoint.

    Args:
        pool: Number of distinct triplets to draw both sides from.
        k_shot: Requested size of the support; if less than `q_shot`, one neighbour per query.
        q_shot: Requested size of the query; at most half of the pool is used.

    Returns:
        k and q, k a multiple of q (X-METRA-ADA, section 2.3.2); k is 0 if the pool has less than two.
    """
    queries = max(1, min(q_shot, pool // 2))
    return _support(pool - queries, k_shot, queries), queries


def cross_lingual_sizes(source: int, target: int, k_shot: int, q_shot: int) -> tuple[int, int]:
    """Return how many triplets go to a support from one pool and to a query from another.

    Args:
        source: Number of distinct triplets to draw the support from.
        target: Number of distinct triplets to draw the query from.
        k_shot: Requested size of the support; if less than `q_shot`, one neighbour per query.
        q_shot: Requested size of the query; limited by the number of neighbours in the source.

    Returns:
        k and q, k a multiple of q; k is 0 if the source is empty.
    """
    queries = max(1, min(q_shot, target, source))
    return _support(source, k_shot, queries), queries


def _support(available: int, k_shot: int, queries: int) -> int:
    """Return the largest available and requested multiple of `queries`, at least one neighbour each."""
    return min(available // queries, max(1, k_shot // queries)) * queries
