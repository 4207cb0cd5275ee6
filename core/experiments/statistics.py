"""How sure a mean is, and whether two of them differ."""

import math
import statistics
from collections.abc import Sequence

from core.contracts.values import Contract


class Spread(Contract):
    """A mean over values.

    Attributes:
        sd: Sample standard deviation (n − 1); None of one value.
        n: How many values.
    """

    mean: float
    sd: float | None
    n: int


def spread(values: Sequence[float]) -> Spread:
    """Return mean and sample standard deviation of at least one value."""
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Spread(mean=statistics.fmean(values), sd=sd, n=len(values))


def welch_p(first: Spread, second: Spread) -> float | None:
    """Return the two-sided p-value of Welch's t-test, which assumes no equal variances (Welch 1947).

    Args:
        first: Of one sample.
        second: Of another, of any size.

    Returns:
        None where there is nothing to tell it from: a single value, or no spread in either.
    """
    from scipy.stats import ttest_ind_from_stats  # noqa: PLC0415  a second, which `--help` need not wait

    if first.sd is None or second.sd is None or first.sd == second.sd == 0:
        return None
    found = ttest_ind_from_stats(
        first.mean, first.sd, first.n, second.mean, second.sd, second.n, equal_var=False
    )
    p_value = float(found.pvalue)
    return None if math.isnan(p_value) else p_value
