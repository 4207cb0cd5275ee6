"""Means, standard deviations and Welch's test, compared with values computed by hand."""

import math

import pytest

from core.experiments.statistics import spread, welch_p_value


def test_spread_computes_sample_standard_deviation() -> None:
    result = spread([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    assert result.mean == 5
    # Squared distances are 9, 1, 1, 1, 0, 0, 4, 16: 32 over 7.
    assert result.sd == pytest.approx(math.sqrt(32 / 7))
    assert result.n == 8


def test_welch_p_value_is_none_for_a_single_value() -> None:
    single = spread([0.9])
    assert (single.mean, single.sd, single.n) == (0.9, None, 1)
    assert welch_p_value(single, spread([0.1, 0.2])) is None
    assert welch_p_value(spread([0.1, 0.2]), single) is None


def test_welch_p_value_equals_hand_computed_value() -> None:
    # Means 1 and 5, variances 2 and 2: t = -4 / sqrt(2/2 + 2/2) = -2 sqrt(2), and
    # df = (1 + 1)² / (1² / 1 + 1² / 1) = 2, where p = 1 - |t| / sqrt(2 + t²) = 1 - sqrt(8 / 10).
    assert welch_p_value(spread([0, 2]), spread([4, 6])) == pytest.approx(1 - math.sqrt(0.8), abs=1e-12)


def test_welch_p_value_equals_integral_for_unequal_sizes_and_variances() -> None:
    # Means 4 and 2.5, variances 1 and 5/3: t = 1.5 / sqrt(1/3 + 5/12) = sqrt(3).
    degrees = (1 / 3 + 5 / 12) ** 2 / ((1 / 3) ** 2 / 2 + (5 / 12) ** 2 / 3)
    expected = two_tails(math.sqrt(3), degrees)
    assert welch_p_value(spread([3, 4, 5]), spread([1, 2, 3, 4])) == pytest.approx(expected, abs=1e-6)


def two_tails(t: float, degrees: float, steps: int = 20_000) -> float:
    """Return the probability of a Student's t beyond ±t, by Simpson's rule."""
    scale = math.gamma((degrees + 1) / 2) / (math.sqrt(degrees * math.pi) * math.gamma(degrees / 2))
    width = t / steps
    power = -(degrees + 1) / 2
    heights = [math.pow(1 + (i * width) ** 2 / degrees, power) for i in range(steps + 1)]
    weighted_sum = heights[0] + heights[-1] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2])
    return 1 - 2 * scale * weighted_sum * width / 3


def test_welch_p_value_is_symmetric() -> None:
    first, second = spread([0.91, 0.93, 0.92]), spread([0.88, 0.90, 0.91, 0.87])
    assert welch_p_value(first, second) == welch_p_value(second, first)


def test_welch_p_value_is_none_without_variance() -> None:
    assert welch_p_value(spread([0.5, 0.5]), spread([0.6, 0.6])) is None


def test_welch_p_value_supports_one_sample_without_variance() -> None:
    p_value = welch_p_value(spread([0.5, 0.5]), spread([0.6, 0.8]))
    # t = -0.2 / sqrt(0.02 / 2) = -2 on one degree of freedom: p = 1 - (2 / pi) atan(2).
    assert p_value == pytest.approx(1 - 2 / math.pi * math.atan(2), abs=1e-9)
