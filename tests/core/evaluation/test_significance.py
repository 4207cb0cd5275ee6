import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.significance import mcnemar_p_value

outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40)


def test_mcnemar_p_value_equals_hand_computed_binomial_tail() -> None:
    # Ten utterances are right only in the first, two only in the second: 2 · P(X ≤ 2), X ~ B(12, ½).
    first = [True] * 10 + [False] * 2 + [True] * 5
    second = [False] * 10 + [True] * 2 + [True] * 5
    assert mcnemar_p_value(first, second) == pytest.approx(2 * (1 + 12 + 66) / 2**12, rel=1e-12)


def test_mcnemar_p_value_is_one_when_no_utterance_is_discordant() -> None:
    assert mcnemar_p_value([True, False], [True, False]) == 1.0
    assert mcnemar_p_value([], []) == 1.0


@given(outcomes)
def test_mcnemar_p_value_is_a_probability_and_symmetric(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [first for first, _ in pairs], [second for _, second in pairs]
    p_value = mcnemar_p_value(first, second)
    assert 0 < p_value <= 1
    assert p_value == mcnemar_p_value(second, first)


@given(st.integers(0, 5), st.integers(0, 5))
def test_mcnemar_p_value_equals_enumeration_of_all_outcomes(mine: int, other: int) -> None:
    p_value = mcnemar_p_value([True] * mine + [False] * other, [False] * mine + [True] * other)
    assert p_value == pytest.approx(_by_enumeration(mine, other), rel=1e-12)


@pytest.mark.parametrize(("mine", "other"), [(900, 700), (1070, 0), (2000, 1900)])
def test_mcnemar_p_value_is_exact_for_large_counts(mine: int, other: int) -> None:
    p_value = mcnemar_p_value([True] * mine + [False] * other, [False] * mine + [True] * other)
    tail = sum(math.comb(mine + other, k) for k in range(min(mine, other) + 1))
    assert p_value == pytest.approx(float(Fraction(2 * tail, 2 ** (mine + other))), rel=1e-12)
    assert math.isfinite(p_value)


def test_mcnemar_p_value_is_small_for_hundreds_of_discordant_utterances() -> None:
    assert 1e-9 < mcnemar_p_value([True] * 900 + [False] * 700, [False] * 900 + [True] * 700) < 1e-5


def test_mcnemar_p_value_rejects_sequences_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="zip"):
        mcnemar_p_value([True], [True, False])


def _by_enumeration(mine: int, other: int) -> float:
    """Return the share of all sequences of coin tosses that are at least as uneven as the observed counts."""
    tosses: Sequence[tuple[int, ...]] = list(product((0, 1), repeat=mine + other))
    uneven = [toss for toss in tosses if min(sum(toss), len(toss) - sum(toss)) <= min(mine, other)]
    return len(uneven) / len(tosses)
