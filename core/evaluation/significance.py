"""Significance tests for two models measured on the same examples."""

from collections.abc import Sequence


def mcnemar_p_value(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    Under the null hypothesis the examples that exactly one of the two models gets right are split between the
    models by a fair coin, so the test is binomial (McNemar 1947; Dietterich 1998).

    Args:
        first: For each example, whether the first model is right.
        second: The same for the second model, in the same order of examples.

    Returns:
        The p-value; 1 if the models are right on the same examples.

    Raises:
        ValueError: The sequences differ in length.
    """
    # Imported here: it takes half a second, which jobs without a comparison save.
    from scipy.stats import binomtest  # type: ignore[attr-defined]  # noqa: PLC0415

    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    discordant = only_first + only_second
    return float(binomtest(min(only_first, only_second), discordant).pvalue) if discordant else 1.0
