import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tasks.shots import (
    DEFAULT_EXAMPLES_PER_SIDE,
    SMALLEST_MINIBATCH,
    inclusion_probabilities,
    minibatch_count,
    shots_per_class,
    support_query_sizes,
)

sizes = st.integers(1, 8)


@given(st.integers(0, 40), sizes, sizes)
def test_support_query_sizes_are_requested_shots_or_half_of_available(
    available: int, k_shot: int, q_shot: int
) -> None:
    support, query = support_query_sizes(available, k_shot, q_shot)
    assert support + query <= available
    if available >= k_shot + q_shot:
        assert (support, query) == (k_shot, q_shot)
    else:
        assert support <= k_shot
        assert query <= q_shot
        assert available < 2 or min(support, query) >= 1


@pytest.mark.parametrize(("classes", "shot"), [(1, 12), (2, 6), (3, 4), (5, 2), (11, 1), (12, 1), (60, 1)])
def test_shots_per_class_default_gives_about_a_dozen_examples_per_side(classes: int, shot: int) -> None:
    assert shots_per_class(None, classes) == shot
    assert (
        classes > DEFAULT_EXAMPLES_PER_SIDE
        or DEFAULT_EXAMPLES_PER_SIDE / 2 < classes * shot < 2 * DEFAULT_EXAMPLES_PER_SIDE
    )


def test_shots_per_class_returns_requested_number() -> None:
    assert shots_per_class(6, 12) == 6


def test_inclusion_probability_is_proportional_below_median_count() -> None:
    counts = {"find": 640, "alarm": 100, "reminder": 120, "snooze": 25, "sunset": 2}
    assert inclusion_probabilities(counts) == {
        "find": 1,
        "alarm": 1,
        "reminder": 1,
        "snooze": 0.25,
        "sunset": 0.02,
    }
    assert inclusion_probabilities({"alarm": 3}) == {"alarm": 1}
    assert inclusion_probabilities({}) == {}


@given(st.integers(0, 100), st.integers(1, 10))
def test_minibatch_count_keeps_minibatches_large_enough(support: int, inner_steps: int) -> None:
    parts = minibatch_count(support, inner_steps)
    assert 1 <= parts <= inner_steps
    assert parts == 1 or support // parts >= SMALLEST_MINIBATCH
