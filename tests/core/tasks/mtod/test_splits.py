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


def texts(labels: list[str]) -> list[str]:
    return [f"text {index}" for index in range(len(labels))]


@given(intents, fractions)
def test_hold_out_partitions_examples(labels: list[str], fraction: float) -> None:
    train, held_out = hold_out(texts(labels), labels, fraction)
    assert sorted(train + held_out) == list(range(len(labels)))
    assert (train, held_out) == (sorted(train), sorted(held_out))


@given(intents, fractions)
def test_hold_out_leaves_two_examples_of_intent_and_skips_smaller_intents(
    labels: list[str], fraction: float
) -> None:
    train, held_out = (
        Counter(labels[index] for index in part) for part in hold_out(texts(labels), labels, fraction)
    )
    for intent, count in Counter(labels).items():
        assert train[intent] >= min(2, count)
        assert (held_out[intent] > 0) == (count >= SMALLEST_HELD_OUT_INTENT)


def test_hold_out_fraction_applies_to_each_intent() -> None:
    labels = ["alarm"] * 50 + ["weather"] * 10
    _, held_out = hold_out(texts(labels), labels, 0.2)
    assert Counter(labels[index] for index in held_out) == {"alarm": 10, "weather": 2}


def test_adaptation_pools_are_three_quarters_and_one_quarter_of_each_intent() -> None:
    labels = ["alarm"] * 80 + ["weather"] * 40
    pools = adaptation_pools(labels, seed=1)
    assert Counter(labels[index] for index in pools.meta_train) == {"alarm": 60, "weather": 30}
    assert Counter(labels[index] for index in pools.meta_adapt) == {"alarm": 20, "weather": 10}
    assert pools.shared == ()


@given(intents, seeds)
def test_adaptation_pools_share_small_intents_only(labels: list[str], seed: int) -> None:
    pools = adaptation_pools(labels, seed=seed)
    both = set(pools.meta_train) & set(pools.meta_adapt)
    small = {intent for intent, count in Counter(labels).items() if count < SMALLEST_SPLIT_INTENT}
    assert set(pools.meta_train) | set(pools.meta_adapt) == set(range(len(labels)))
    assert both == {index for index, intent in enumerate(labels) if intent in small}
    assert pools.shared == tuple(sorted(small))


@given(intents, seeds)
def test_adaptation_pools_contain_every_intent(labels: list[str], seed: int) -> None:
    pools = adaptation_pools(labels, seed=seed)
    train = Counter(labels[index] for index in pools.meta_train)
    adapt = Counter(labels[index] for index in pools.meta_adapt)
    for intent, count in Counter(labels).items():
        assert train[intent] >= 1
        assert adapt[intent] >= min(2, count)
        if count >= SMALLEST_SPLIT_INTENT:
            assert adapt[intent] <= max(2, count * META_ADAPT_SHARE + 0.5)


@given(intents, fractions, seeds)
def test_adaptation_pools_are_reproducible_by_seed(labels: list[str], fraction: float, seed: int) -> None:
    assert adaptation_pools(labels, seed=seed) == adaptation_pools(labels, seed=seed)


def test_adaptation_pools_depend_on_seed() -> None:
    labels = ["alarm"] * 40
    assert adaptation_pools(labels, seed=1) != adaptation_pools(labels, seed=2)


@given(intents, fractions)
def test_hold_out_is_independent_of_order(labels: list[str], fraction: float) -> None:
    all_texts = texts(labels)
    _, held_out = hold_out(all_texts, labels, fraction)
    _, held_out_of_reversed = hold_out(all_texts[::-1], labels[::-1], fraction)
    assert {all_texts[index] for index in held_out} == {
        all_texts[::-1][index] for index in held_out_of_reversed
    }


def test_hold_out_is_mostly_stable_when_examples_are_added() -> None:
    labels = ["alarm"] * 100
    before = {texts(labels)[index] for index in hold_out(texts(labels)[:80], labels[:80], 0.25)[1]}
    after = {texts(labels)[index] for index in hold_out(texts(labels), labels, 0.25)[1]}
    assert len(before & after) >= 0.7 * len(before)


def test_hold_out_puts_duplicate_texts_on_one_side() -> None:
    all_texts = [
        "set an alarm",
        "set an alarm",
        "wake me",
        "wake me",
        "ring at six",
        "ring at six",
        "up at nine",
    ]
    train, held_out = hold_out(all_texts, ["alarm"] * 7, 0.5)
    assert not {all_texts[index] for index in train} & {all_texts[index] for index in held_out}
