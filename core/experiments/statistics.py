"""Means with standard deviations, and Welch's t-test."""

import math
import statistics
from collections.abc import Sequence

from core.contracts.values import Contract


class Spread(Contract):
    """Mean and standard deviation of values.

    Attributes:
        mean: Mean.
        sd: Sample standard deviation (n − 1); None for a single value.
        n: Number of values.
    """

    mean: float
    sd: float | None
    n: int


def spread(values: Sequence[float]) -> Spread:
    """Return the mean and the sample standard deviation of at least one value."""
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Spread(mean=statistics.fmean(values), sd=sd, n=len(values))


def welch_p_value(first: Spread, second: Spread) -> float | None:
    """Return the two-sided p-value of Welch's t-test, which does not assume equal variances (Welch 1947).

    Args:
        first: Mean and standard deviation of a sample.
        second: The same of another sample, which may have another size.

    Returns:
        The p-value, or None if it is undefined: a sample has a single value, or both have no variance.
    """
    from scipy.stats import ttest_ind_from_stats  # noqa: PLC0415  a second, which `--help` need not wait

    if first.sd is None or second.sd is None or first.sd == second.sd == 0:
        return None
    result = ttest_ind_from_stats(
        first.mean, first.sd, first.n, second.mean, second.sd, second.n, equal_var=False
    )
    p_value = float(result.pvalue)
    return None if math.isnan(p_value) else p_value
