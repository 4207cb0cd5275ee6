from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from core.tasks.mtod.splits import (
    META_ADAPT_SHARE,
    SMALLEST_HELD_OUT_INTENT,
    SMALLEST_SPLIT_INTENT,
    adaptation_pools,
    hold_out,
)

intents = st.lists(st.sampled_from(["alarm", "weather", "reminder", "news"]), min_size=1, max_size=240)
fractions = st.floats(0.01, 0.99)
seeds = st.integers(0, 2**31 - 1)


def texts(names: list[str]) -> list[str]:
    return [f"text {index}" for index in range(len(names))]


@given(intents, fractions)
def test_every_example_is_either_learnt_from_or_held_out(names: list[str], share: float) -> None:
    train, held = hold_out(texts(names), names, share)
    assert sorted(train + held) == list(range(len(names)))
    assert (train, held) == (sorted(train), sorted(held))


@given(intents, fractions)
def test_holding_out_leaves_two_of_an_intent_and_takes_none_of_a_smaller_one(
    names: list[str], share: float
) -> None:
    train, held = (Counter(names[index] for index in part) for part in hold_out(texts(names), names, share))
    for intent, count in Counter(names).items():
        assert train[intent] >= min(2, count)
        assert (held[intent] > 0) == (count >= SMALLEST_HELD_OUT_INTENT)


def test_the_share_held_out_is_that_of_each_intent() -> None:
    names = ["alarm"] * 50 + ["weather"] * 10
    _, held = hold_out(texts(names), names, 0.2)
    assert Counter(names[index] for index in held) == {"alarm": 10, "weather": 2}


def test_the_pools_are_three_quarters_and_one_quarter_of_each_intent() -> None:
    names = ["alarm"] * 80 + ["weather"] * 40
    pools = adaptation_pools(names, seed=1)
    assert Counter(names[index] for index in pools.meta_train) == {"alarm": 60, "weather": 30}
    assert Counter(names[index] for index in pools.meta_adapt) == {"alarm": 20, "weather": 10}
    assert pools.shared == ()


@given(intents, seeds)
def test_the_pools_share_nothing_but_intents_too_small_to_be_cut(names: list[str], seed: int) -> None:
    pools = adaptation_pools(names, seed=seed)
    both = set(pools.meta_train) & set(pools.meta_adapt)
    small = {intent for intent, count in Counter(names).items() if count < SMALLEST_SPLIT_INTENT}
    assert set(pools.meta_train) | set(pools.meta_adapt) == set(range(len(names)))
    assert both == {index for index, intent in enumerate(names) if intent in small}
    assert pools.shared == tuple(sorted(small))


@given(intents, seeds)
def test_both_stages_see_every_intent_and_meta_adapt_both_sides_of_it(names: list[str], seed: int) -> None:
    pools = adaptation_pools(names, seed=seed)
    train = Counter(names[index] for index in pools.meta_train)
    adapt = Counter(names[index] for index in pools.meta_adapt)
    for intent, count in Counter(names).items():
        assert train[intent] >= 1
        assert adapt[intent] >= min(2, count)
        if count >= SMALLEST_SPLIT_INTENT:
            assert adapt[intent] <= max(2, count * META_ADAPT_SHARE + 0.5)


@given(intents, fractions, seeds)
def test_one_seed_parts_alike(names: list[str], share: float, seed: int) -> None:
    assert adaptation_pools(names, seed=seed) == adaptation_pools(names, seed=seed)


def test_another_seed_parts_otherwise() -> None:
    names = ["alarm"] * 40
    assert adaptation_pools(names, seed=1) != adaptation_pools(names, seed=2)


@given(intents, fractions)
def test_what_is_held_out_does_not_depend_on_the_order(names: list[str], share: float) -> None:
    own = texts(names)
    _, held = hold_out(own, names, share)
    _, turned = hold_out(own[::-1], names[::-1], share)
    assert {own[index] for index in held} == {own[::-1][index] for index in turned}


def test_more_examples_leave_most_of_what_was_held_out_held_out() -> None:
    names = ["alarm"] * 100
    before = {texts(names)[index] for index in hold_out(texts(names)[:80], names[:80], 0.25)[1]}
    after = {texts(names)[index] for index in hold_out(texts(names), names, 0.25)[1]}
    assert len(before & after) >= 0.7 * len(before)


def test_a_text_that_occurs_twice_is_on_one_side() -> None:
    own = ["set an alarm", "set an alarm", "wake me", "wake me", "ring at six", "ring at six", "up at nine"]
    train, held = hold_out(own, ["alarm"] * 7, 0.5)
    assert not {own[index] for index in train} & {own[index] for index in held}
