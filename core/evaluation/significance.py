"""Two models measured on the same examples, compared."""

import math
from collections.abc import Sequence


def mcnemar_p_value(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    Of the examples that only one of the two gets right, under no difference each does half: a
    binomial (McNemar 1947; Dietterich 1998).

    Args:
        first: Which examples the first model has right.
        second: Which the second has right; the same examples in the same order.
    """
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    differing = only_first + only_second
    tail = sum(math.comb(differing, k) for k in range(min(only_first, only_second) + 1))
    # Whole numbers to the last: 2 ** 1024 is no float any more.
    return min(1.0, tail / (1 << (differing - 1))) if differing else 1.0
