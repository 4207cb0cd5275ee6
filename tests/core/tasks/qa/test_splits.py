"""Few-shot questions cut: no context on both sides, no question lost."""

from hypothesis import given
from hypothesis import strategies as st

from core.tasks.qa.splits import SMALLEST_SPLIT, adaptation_pools, hold_out

some_contexts = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=60)


@given(some_contexts, st.floats(0.01, 0.99))
def test_a_context_is_on_one_side_and_every_question_on_some(contexts: list[str], fraction: float) -> None:
    kept, held = hold_out(contexts, fraction)
    assert sorted([*kept, *held]) == list(range(len(contexts)))
    assert not {contexts[index] for index in kept} & {contexts[index] for index in held}


@given(some_contexts, st.floats(0.01, 0.99))
def test_of_two_contexts_or_more_at_least_one_is_held_out_and_one_kept(
    contexts: list[str], fraction: float
) -> None:
    kept, held = hold_out(contexts, fraction)
    assert kept
    assert bool(held) is (len(set(contexts)) > 1)


def test_more_questions_later_leave_out_the_contexts_that_were_left_out() -> None:
    contexts = [f"context {number}" for number in range(40)]
    _, held = hold_out(contexts, 0.2)
    left_out = {contexts[index] for index in held}
    more = [*(f"later {number}" for number in range(10)), *contexts]
    _, held_later = hold_out(more, 0.25)
    assert len(left_out) == 8
    assert len(left_out & {more[index] for index in held_later}) >= 6


def test_pools_are_60_to_40_apart_and_the_same_for_one_seed() -> None:
    pools = adaptation_pools(100, seed=7)
    assert (len(pools.meta_train), len(pools.meta_adapt), pools.shared) == (60, 40, ())
    assert sorted([*pools.meta_train, *pools.meta_adapt]) == list(range(100))
    assert pools == adaptation_pools(100, seed=7) != adaptation_pools(100, seed=8)


def test_a_few_questions_are_in_both_pools_and_that_is_told() -> None:
    pools = adaptation_pools(SMALLEST_SPLIT - 1, seed=7)
    assert pools.meta_train == pools.meta_adapt == tuple(range(SMALLEST_SPLIT - 1))
    assert pools.shared == ("questions",)
