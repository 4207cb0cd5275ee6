"""Test splits of few-shot questions by context."""

from hypothesis import given
from hypothesis import strategies as st

from core.tasks.qa.splits import SMALLEST_SPLIT, adaptation_pools, hold_out

context_lists = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=60)


@given(context_lists, st.floats(0.01, 0.99))
def test_hold_out_partitions_questions_by_context(contexts: list[str], fraction: float) -> None:
    train, held_out = hold_out(contexts, fraction)
    assert sorted([*train, *held_out]) == list(range(len(contexts)))
    assert not {contexts[index] for index in train} & {contexts[index] for index in held_out}


@given(context_lists, st.floats(0.01, 0.99))
def test_hold_out_leaves_and_holds_out_at_least_one_context(contexts: list[str], fraction: float) -> None:
    train, held_out = hold_out(contexts, fraction)
    assert train
    assert bool(held_out) is (len(set(contexts)) > 1)


def test_hold_out_is_mostly_stable_when_questions_are_added() -> None:
    contexts = [f"context {number}" for number in range(40)]
    _, held_out = hold_out(contexts, 0.2)
    before = {contexts[index] for index in held_out}
    extended = [*(f"later {number}" for number in range(10)), *contexts]
    _, held_out_later = hold_out(extended, 0.25)
    assert len(before) == 8
    assert len(before & {extended[index] for index in held_out_later}) >= 6


def test_adaptation_pools_are_60_to_40_and_reproducible_by_seed() -> None:
    pools = adaptation_pools(100, seed=7)
    assert (len(pools.meta_train), len(pools.meta_adapt), pools.shared) == (60, 40, ())
    assert sorted([*pools.meta_train, *pools.meta_adapt]) == list(range(100))
    assert pools == adaptation_pools(100, seed=7) != adaptation_pools(100, seed=8)


def test_adaptation_pools_share_few_questions() -> None:
    pools = adaptation_pools(SMALLEST_SPLIT - 1, seed=7)
    assert pools.meta_train == pools.meta_adapt == tuple(range(SMALLEST_SPLIT - 1))
    assert pools.shared == ("questions",)
