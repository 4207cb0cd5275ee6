from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tasks.mtod.episodes import cross_lingual_episodes, within_language_episodes
from core.tasks.mtod.features import Features
from core.tasks.mtod.splits import adaptation_pools, hold_out
from core.tasks.shots import side_sizes

EPISODES = 5

sizes = st.dictionaries(st.sampled_from(["alarm", "weather", "reminder", "news"]), st.integers(1, 20))
shots = st.integers(1, 8)
seeds = st.integers(0, 2**31 - 1)

Pool = dict[str, list[Features]]


def pool(language: str, counts: dict[str, int]) -> Pool:
    """Return examples of each intent, all different."""
    return {
        intent: [one(f"{language} {intent} {index}") for index in range(count)]
        for intent, count in counts.items()
    }


def one(text: str) -> Features:
    return Features(text=text, input_ids=(0,), units=((0, 1),), unit_tokens=(0,))


def intents_of(side: tuple[Features, ...]) -> Counter[str]:
    return Counter(example.text.split()[1] for example in side)


@given(sizes, sizes, shots, shots, seeds)
def test_meta_train_learns_from_the_source_and_is_judged_on_the_target(
    source: dict[str, int], target: dict[str, int], k_shot: int, q_shot: int, seed: int
) -> None:
    shared = source.keys() & target.keys()
    episodes = cross_lingual_episodes(
        pool("en", source), pool("es", target), k_shot=k_shot, q_shot=q_shot, seed=seed
    )
    if not shared:
        with pytest.raises(ValueError, match="share no intent"):
            next(episodes)
        return
    for episode in islice(episodes, EPISODES):
        there = intents_of(episode.support).keys()
        assert common({name: target[name] for name in shared}) <= there <= shared
        assert intents_of(episode.support) == {name: min(k_shot, source[name]) for name in there}
        assert intents_of(episode.query) == {name: min(q_shot, target[name]) for name in there}
        assert {example.text[:2] for example in episode.support} == {"en"}
        assert {example.text[:2] for example in episode.query} == {"es"}
        assert len(set(episode.query)) == len(episode.query)


@given(sizes, shots, shots, seeds)
def test_meta_adapt_never_has_an_example_on_both_sides_and_no_empty_side(
    target: dict[str, int], k_shot: int, q_shot: int, seed: int
) -> None:
    episodes = within_language_episodes(pool("es", target), k_shot=k_shot, q_shot=q_shot, seed=seed)
    if sum(target.values()) < 2:
        with pytest.raises(ValueError, match="at least two examples"):
            next(episodes)
        return
    for episode in islice(episodes, EPISODES):
        assert episode.support
        assert episode.query
        assert not set(episode.support) & set(episode.query)
        support, query = intents_of(episode.support), intents_of(episode.query)
        there = support.keys() | query.keys()
        assert common(target) <= there
        for intent in there:
            count = target[intent]
            assert (support[intent] + query[intent]) == min(count, sum(side_sizes(count, k_shot, q_shot)))
            assert min(support[intent], query[intent]) >= (count >= 2)


def common(counts: dict[str, int]) -> set[str]:
    """Return the intents no scarcer than the middle one: these are in every episode."""
    middle = sorted(counts.values())[len(counts) // 2]
    return {intent for intent, count in counts.items() if count >= middle}


def test_an_only_example_is_now_on_one_side_and_now_on_the_other() -> None:
    episodes = within_language_episodes(pool("es", {"alarm": 4, "news": 1}), k_shot=2, q_shot=2, seed=1)
    drawn = list(islice(episodes, 80))
    assert any("news" in intents_of(episode.support) for episode in drawn)
    assert any("news" in intents_of(episode.query) for episode in drawn)


@pytest.mark.parametrize("stage", ["meta-train", "meta-adapt"])
def test_the_examples_of_a_scarce_intent_are_not_asked_more_often_than_others(stage: str) -> None:
    target = pool("es", {"alarm": 20, "news": 20, "weather": 2})
    episodes = (
        cross_lingual_episodes(target, target, k_shot=1, q_shot=1, seed=5)
        if stage == "meta-train"
        else within_language_episodes(target, k_shot=1, q_shot=1, seed=5)
    )
    asked = intents_of(tuple(query for episode in islice(episodes, 2000) for query in episode.query))
    assert asked["alarm"] == asked["news"] == 2000
    assert asked["weather"] == pytest.approx(200, rel=0.2)  # a tenth of the examples, a tenth of the time


@given(sizes.filter(lambda counts: sum(counts.values()) >= 4), seeds)
def test_no_held_out_example_is_ever_in_an_episode(counts: dict[str, int], seed: int) -> None:
    names = [intent for intent, count in counts.items() for _ in range(count)]
    kept, held = hold_out([str(index) for index in range(len(names))], names, 0.3)
    pools = adaptation_pools([names[index] for index in kept], seed=seed)
    stages = [_some_of(names, kept, chosen) for chosen in (pools.meta_train, pools.meta_adapt)]
    source = pool("en", dict.fromkeys(counts, 3))
    draws = [
        cross_lingual_episodes(source, stages[0], k_shot=3, q_shot=3, seed=seed),
        within_language_episodes(stages[1], k_shot=3, q_shot=3, seed=seed),
    ]
    seen = {
        example.text
        for draw in draws
        for episode in islice(draw, EPISODES)
        for example in (*episode.support, *episode.query)
    }
    assert not seen & {f"es {names[index]} {index}" for index in held}


def _some_of(names: list[str], kept: list[int], chosen: tuple[int, ...]) -> Pool:
    found: Pool = {}
    for index in (kept[at] for at in chosen):
        found.setdefault(names[index], []).append(one(f"es {names[index]} {index}"))
    return found


@given(seeds)
def test_one_seed_draws_the_same_episodes(seed: int) -> None:
    def draw(number: int) -> list[object]:
        target = pool("es", {"alarm": 9, "news": 9})
        both = (
            cross_lingual_episodes(target, target, k_shot=3, q_shot=3, seed=number),
            within_language_episodes(target, k_shot=3, q_shot=3, seed=number),
        )
        return [list(islice(episodes, 3)) for episodes in both]

    assert draw(seed) == draw(seed)
    assert draw(seed) != draw(seed + 1)


def test_the_intents_are_mixed_so_that_a_minibatch_holds_several() -> None:
    episodes = within_language_episodes(pool("es", {"alarm": 40, "news": 40}), k_shot=20, q_shot=20, seed=3)
    assert all(len(intents_of(episode.support[:10])) == 2 for episode in islice(episodes, EPISODES))
