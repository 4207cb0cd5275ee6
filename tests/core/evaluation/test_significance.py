import math
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.significance import mcnemar_p_value

outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40)


def test_mcnemars_p_value_is_that_of_the_textbook() -> None:
    # Ten utterances only the first gets right, two only the second: 2 · P(X ≤ 2), X ~ B(12, ½).
    first = [True] * 10 + [False] * 2 + [True] * 5
    second = [False] * 10 + [True] * 2 + [True] * 5
    assert mcnemar_p_value(first, second) == pytest.approx(2 * (1 + 12 + 66) / 2**12)


def test_models_that_are_right_on_the_same_utterances_do_not_differ() -> None:
    assert mcnemar_p_value([True, False], [True, False]) == 1.0
    assert mcnemar_p_value([], []) == 1.0


@given(outcomes)
def test_the_p_value_is_a_probability_and_takes_no_side(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    chance = mcnemar_p_value(first, second)
    assert 0 < chance <= 1
    assert chance == mcnemar_p_value(second, first)


@given(st.integers(0, 5), st.integers(0, 5))
def test_the_p_value_counts_all_outcomes_at_least_as_uneven(mine: int, other: int) -> None:
    chance = mcnemar_p_value([True] * mine + [False] * other, [False] * mine + [True] * other)
    assert chance == pytest.approx(_by_enumeration(mine, other))


def test_hundreds_of_utterances_do_not_overflow() -> None:
    chance = mcnemar_p_value([True] * 900 + [False] * 700, [False] * 900 + [True] * 700)
    assert math.isfinite(chance)
    assert 1e-9 < chance < 1e-5


def _by_enumeration(mine: int, other: int) -> float:
    """Count, of all ways in which coins decide, those as uneven as what was seen."""
    ways: Sequence[tuple[int, ...]] = list(product((0, 1), repeat=mine + other))
    uneven = [way for way in ways if min(sum(way), len(way) - sum(way)) <= min(mine, other)]
    return len(uneven) / len(ways)
