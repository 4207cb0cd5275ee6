from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tasks.mtod.episodes import cross_lingual_episodes, within_language_episodes
from core.tasks.mtod.features import Features
from core.tasks.mtod.splits import adaptation_pools, hold_out
from core.tasks.shots import support_query_sizes

EPISODES = 5

sizes = st.dictionaries(st.sampled_from(["alarm", "weather", "reminder", "news"]), st.integers(1, 20))
shots = st.integers(1, 8)
seeds = st.integers(0, 2**31 - 1)

Pool = dict[str, list[Features]]


def pool(language: str, counts: dict[str, int]) -> Pool:
    """Return examples of each intent, all different."""
    return {
        intent: [features_of(f"{language} {intent} {index}") for index in range(count)]
        for intent, count in counts.items()
    }


def features_of(text: str) -> Features:
    return Features(text=text, input_ids=(0,), units=((0, 1),), unit_tokens=(0,))


def intents_of(side: tuple[Features, ...]) -> Counter[str]:
    return Counter(example.text.split()[1] for example in side)


@given(sizes, sizes, shots, shots, seeds)
def test_cross_lingual_episodes_draw_support_from_source_and_query_from_target(
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
        included = intents_of(episode.support).keys()
        assert common({name: target[name] for name in shared}) <= included <= shared
        assert intents_of(episode.support) == {name: min(k_shot, source[name]) for name in included}
        assert intents_of(episode.query) == {name: min(q_shot, target[name]) for name in included}
        assert {example.text[:2] for example in episode.support} == {"en"}
        assert {example.text[:2] for example in episode.query} == {"es"}
        assert len(set(episode.query)) == len(episode.query)


@given(sizes, shots, shots, seeds)
def test_within_language_episodes_have_disjoint_nonempty_sides(
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
        included = support.keys() | query.keys()
        assert common(target) <= included
        for intent in included:
            count = target[intent]
            assert (support[intent] + query[intent]) == min(
                count, sum(support_query_sizes(count, k_shot, q_shot))
            )
            assert min(support[intent], query[intent]) >= (count >= 2)


def common(counts: dict[str, int]) -> set[str]:
    """Return the intents with at least the median count: these are in every episode."""
    median = sorted(counts.values())[len(counts) // 2]
    return {intent for intent, count in counts.items() if count >= median}


def test_single_example_of_intent_is_on_either_side_of_some_episode() -> None:
    episodes = within_language_episodes(pool("es", {"alarm": 4, "news": 1}), k_shot=2, q_shot=2, seed=1)
    drawn = list(islice(episodes, 80))
    assert any("news" in intents_of(episode.support) for episode in drawn)
    assert any("news" in intents_of(episode.query) for episode in drawn)


@pytest.mark.parametrize("stage", ["meta-train", "meta-adapt"])
def test_examples_of_rare_intent_are_drawn_as_often_as_others(stage: str) -> None:
    target = pool("es", {"alarm": 20, "news": 20, "weather": 2})
    episodes = (
        cross_lingual_episodes(target, target, k_shot=1, q_shot=1, seed=5)
        if stage == "meta-train"
        else within_language_episodes(target, k_shot=1, q_shot=1, seed=5)
    )
    queries = [query for episode in islice(episodes, 2000) for query in episode.query]
    counts = intents_of(tuple(queries))
    assert counts["alarm"] == counts["news"] == 2000
    assert counts["weather"] == pytest.approx(200, rel=0.2)  # a tenth of the examples, a tenth of the draws


@given(sizes.filter(lambda counts: sum(counts.values()) >= 4), seeds)
def test_episodes_contain_no_held_out_examples(counts: dict[str, int], seed: int) -> None:
    intents = [intent for intent, count in counts.items() for _ in range(count)]
    train, held_out = hold_out([str(index) for index in range(len(intents))], intents, 0.3)
    pools = adaptation_pools([intents[index] for index in train], seed=seed)
    stages = [pool_of(intents, train, rows) for rows in (pools.meta_train, pools.meta_adapt)]
    source = pool("en", dict.fromkeys(counts, 3))
    draws = [
        cross_lingual_episodes(source, stages[0], k_shot=3, q_shot=3, seed=seed),
        within_language_episodes(stages[1], k_shot=3, q_shot=3, seed=seed),
    ]
    texts = {
        example.text
        for draw in draws
        for episode in islice(draw, EPISODES)
        for example in (*episode.support, *episode.query)
    }
    assert not texts & {f"es {intents[index]} {index}" for index in held_out}


def pool_of(intents: list[str], train: list[int], rows: tuple[int, ...]) -> Pool:
    groups: Pool = {}
    for index in (train[row] for row in rows):
        groups.setdefault(intents[index], []).append(features_of(f"es {intents[index]} {index}"))
    return groups


@given(seeds)
def test_episodes_are_reproducible_by_seed(seed: int) -> None:
    def draw(number: int) -> list[object]:
        target = pool("es", {"alarm": 9, "news": 9})
        both = (
            cross_lingual_episodes(target, target, k_shot=3, q_shot=3, seed=number),
            within_language_episodes(target, k_shot=3, q_shot=3, seed=number),
        )
        return [list(islice(episodes, 3)) for episodes in both]

    assert draw(seed) == draw(seed)
    assert draw(seed) != draw(seed + 1)


def test_support_order_mixes_intents() -> None:
    episodes = within_language_episodes(pool("es", {"alarm": 40, "news": 40}), k_shot=20, q_shot=20, seed=3)
    assert all(len(intents_of(episode.support[:10])) == 2 for episode in islice(episodes, EPISODES))
