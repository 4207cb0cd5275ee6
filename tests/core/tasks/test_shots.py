import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tasks.shots import SIDE, SMALLEST_MINIBATCH, minibatch_count, presence, shots, side_sizes

sizes = st.integers(1, 8)


@given(st.integers(0, 40), sizes, sizes)
def test_each_side_gets_its_shots_or_half_of_what_there_is(available: int, k_shot: int, q_shot: int) -> None:
    given_k, given_q = side_sizes(available, k_shot, q_shot)
    assert given_k + given_q <= available
    if available >= k_shot + q_shot:
        assert (given_k, given_q) == (k_shot, q_shot)
    else:
        assert given_k <= k_shot
        assert given_q <= q_shot
        assert available < 2 or min(given_k, given_q) >= 1


@pytest.mark.parametrize(("classes", "shot"), [(1, 12), (2, 6), (3, 4), (5, 2), (11, 1), (12, 1), (60, 1)])
def test_a_side_has_about_a_dozen_examples_where_nobody_says_how_many(classes: int, shot: int) -> None:
    assert shots(None, classes) == shot
    assert classes > SIDE or SIDE / 2 < classes * shot < 2 * SIDE


def test_what_a_user_says_goes_before() -> None:
    assert shots(6, 12) == 6


def test_intents_scarcer_than_the_middle_one_are_there_in_proportion() -> None:
    counts = {"find": 640, "alarm": 100, "reminder": 120, "snooze": 25, "sunset": 2}
    assert presence(counts) == {"find": 1, "alarm": 1, "reminder": 1, "snooze": 0.25, "sunset": 0.02}
    assert presence({"alarm": 3}) == {"alarm": 1}
    assert presence({}) == {}


@given(st.integers(0, 100), st.integers(1, 10))
def test_every_minibatch_of_a_support_set_is_large_enough(support: int, inner_steps: int) -> None:
    parts = minibatch_count(support, inner_steps)
    assert 1 <= parts <= inner_steps
    assert parts == 1 or support // parts >= SMALLEST_MINIBATCH
