"""Test episodes of questions against a search of the neighbours of each query."""

import math
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tasks.engine import Episode
from core.tasks.qa.episodes import TripletPool, cross_lingual_episodes, within_language_episodes
from core.tasks.qa.shots import cross_lingual_sizes, within_language_sizes

EPISODES = 5
WIDTH = 4

sizes = st.integers(1, 30)
shots = st.integers(1, 8)
seeds = st.integers(0, 2**31 - 1)
kinds = st.integers(1, 40)

Episodes = Iterator[Episode[str]]


def pool(language: str, size: int, *, kinds: int = 40, seed: int = 0) -> TripletPool[str]:
    """Return triplets with distinct features; if `kinds` is less than `size`, some triplets are equal."""
    rng = np.random.default_rng([seed, size, ord(language[0])])
    of_kind = rng.normal(size=(kinds, WIDTH))
    of_kind /= np.linalg.norm(of_kind, axis=1, keepdims=True)
    which = rng.integers(kinds, size=size) if kinds < size else np.arange(size)
    return TripletPool(
        features=[f"{language} {row}" for row in range(size)],
        texts=[f"{language} {kind}" for kind in which],
        vectors=of_kind[which].astype(np.float32),
    )


def text_of(name: str, *pools: TripletPool[str]) -> str:
    """Return the text of the triplet with a feature."""
    return next(
        text
        for candidates in pools
        for text, feature in zip(candidates.texts, candidates.features, strict=True)
        if feature == name
    )


def expected_support(
    episode: Episode[str], source: TripletPool[str], target: TripletPool[str], per_query: int
) -> set[str]:
    """Search the neighbours of each query in turn among all triplets of the source, pair by pair."""
    drawn_queries = {text_of(name, target) for name in episode.query}
    remaining = {
        text: vector
        for text, vector in zip(source.texts, source.vectors, strict=True)
        if text not in drawn_queries
    }
    support: set[str] = set()
    for name in episode.query:
        query = target.vectors[target.features.index(name)].astype(np.float64)
        similarity = {text: round(1e6 * math.fsum(query * vector)) for text, vector in remaining.items()}
        nearest_texts = sorted(remaining, key=lambda text: (-similarity[text], source.texts.index(text)))[
            :per_query
        ]
        support.update(nearest_texts)
        remaining = {text: vector for text, vector in remaining.items() if text not in nearest_texts}
    return support


@given(sizes, kinds, shots, shots, seeds)
def test_within_language_support_is_neighbours_of_query(
    size: int, kinds: int, k_shot: int, q_shot: int, seed: int
) -> None:
    target = pool("es", size, kinds=kinds)
    distinct = len(set(target.texts))
    if distinct < 2:
        with pytest.raises(ValueError, match="needs two triplets"):
            within_language_episodes(target, k_shot=k_shot, q_shot=q_shot, seed=seed)
        return
    k, q = within_language_sizes(distinct, k_shot, q_shot)
    for episode in islice(
        within_language_episodes(target, k_shot=k_shot, q_shot=q_shot, seed=seed), EPISODES
    ):
        support = {text_of(name, target) for name in episode.support}
        query = {text_of(name, target) for name in episode.query}
        assert (len(episode.support), len(episode.query)) == (len(support), len(query)) == (k, q)
        assert not support & query
        assert support == expected_support(episode, target, target, k // q)


@given(sizes, sizes, kinds, kinds, shots, shots, seeds)
def test_cross_lingual_support_is_neighbours_in_source(
    source_size: int, size: int, source_kinds: int, kinds: int, k_shot: int, q_shot: int, seed: int
) -> None:
    source = pool("en", source_size, kinds=source_kinds)
    target = pool("es", size, kinds=kinds)
    k, q = cross_lingual_sizes(len(set(source.texts)), len(set(target.texts)), k_shot, q_shot)
    episodes = cross_lingual_episodes(source, target, k_shot=k_shot, q_shot=q_shot, seed=seed)
    for episode in islice(episodes, EPISODES):
        support = {text_of(name, source) for name in episode.support}
        query = {text_of(name, target) for name in episode.query}
        assert (len(episode.support), len(episode.query)) == (len(support), len(query)) == (k, q)
        assert support == expected_support(episode, source, target, k // q)


@given(st.integers(2, 30), shots, shots, seeds)
def test_triplet_in_both_pools_is_not_on_both_sides(size: int, k_shot: int, q_shot: int, seed: int) -> None:
    both = pool("en", size)
    source = TripletPool([f"source {name}" for name in both.features], both.texts, both.vectors)
    target = TripletPool(both.features[: size // 2], both.texts[: size // 2], both.vectors[: size // 2])
    episodes = cross_lingual_episodes(source, target, k_shot=k_shot, q_shot=q_shot, seed=seed)
    for episode in islice(episodes, EPISODES):
        assert episode.support
        query = {text_of(name, target) for name in episode.query}
        assert not query & {text_of(name, source) for name in episode.support}


def test_queries_are_drawn_uniformly() -> None:
    target = pool("es", 30)
    episodes = within_language_episodes(target, k_shot=6, q_shot=6, seed=1)
    drawn_queries = [name for episode in islice(episodes, 2_000) for name in episode.query]
    for name in target.features:
        assert drawn_queries.count(name) == pytest.approx(2_000 * 6 / 30, rel=0.2)


def test_support_order_mixes_neighbours_of_queries() -> None:
    """Draw from two distant groups: the first support triplet is not always of the first query's group."""
    groups = np.repeat(np.eye(2, dtype=np.float32), 20, axis=0)
    names = [f"{group} {row}" for group in "ab" for row in range(20)]
    episodes = within_language_episodes(TripletPool(names, names, groups), k_shot=6, q_shot=2, seed=4)
    mixed = [episode for episode in islice(episodes, 50) if len({name[0] for name in episode.query}) == 2]
    assert any(episode.support[0][0] != episode.query[0][0] for episode in mixed)
    assert any(len({name[0] for name in episode.support[:3]}) == 2 for episode in mixed)


@given(seeds)
def test_episodes_are_reproducible_by_seed(seed: int) -> None:
    def draw(number: int) -> list[list[Episode[str]]]:
        source, target = pool("en", 20), pool("es", 20)
        both: tuple[Episodes, Episodes] = (
            cross_lingual_episodes(source, target, k_shot=6, q_shot=3, seed=number),
            within_language_episodes(target, k_shot=6, q_shot=3, seed=number),
        )
        return [list(islice(episodes, 4)) for episodes in both]

    assert draw(seed) == draw(seed)
    assert draw(seed) != draw(seed + 1)


@pytest.mark.parametrize(("source", "target"), [(0, 3), (3, 0), (0, 0)])
def test_cross_lingual_episodes_raise_when_pool_is_empty(source: int, target: int) -> None:
    with pytest.raises(ValueError, match="make no episode"):
        cross_lingual_episodes(pool("en", source), pool("es", target), k_shot=2, q_shot=2, seed=0)


def test_cross_lingual_episodes_raise_when_source_equals_target() -> None:
    with pytest.raises(ValueError, match="0 source and 3 target triplets"):
        cross_lingual_episodes(pool("es", 3), pool("es", 3), k_shot=2, q_shot=2, seed=0)


def test_pool_rows_returns_rows_in_order() -> None:
    full = pool("es", 5)
    subset = full.rows((4, 1))
    assert (subset.features, subset.texts) == (["es 4", "es 1"], ["es 4", "es 1"])
    np.testing.assert_array_equal(subset.vectors, full.vectors[[4, 1]])
    assert len(full.rows(())) == 0


def test_pool_raises_when_lengths_differ() -> None:
    with pytest.raises(ValueError, match="2 features, 3 texts and 3 vectors"):
        TripletPool(["a", "b"], ["a", "b", "c"], np.eye(3, dtype=np.float32))


@pytest.mark.parametrize(
    ("available", "requested", "expected"),
    [
        (100, (6, 6), (6, 6)),
        (100, (12, 6), (12, 6)),
        (100, (15, 6), (12, 6)),  # k is a multiple of q
        (100, (3, 6), (6, 6)),  # one neighbour a query
        (13, (12, 6), (6, 6)),
        (12, (6, 6), (6, 6)),
        (11, (6, 6), (5, 5)),  # half of the pool
        (3, (6, 6), (2, 1)),
        (2, (6, 6), (1, 1)),
        (1, (6, 6), (0, 1)),
    ],
)
def test_within_language_sizes_give_half_of_small_pool_to_each_side(
    available: int, requested: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert within_language_sizes(available, *requested) == expected


@pytest.mark.parametrize(
    ("source", "target", "requested", "expected"),
    [
        (4_000, 20, (6, 6), (6, 6)),
        (4_000, 2, (6, 6), (6, 2)),
        (4_000, 4, (6, 6), (4, 4)),
        (10, 20, (12, 6), (6, 6)),
        (3, 20, (6, 6), (3, 3)),
        (0, 20, (6, 6), (0, 1)),
    ],
)
def test_cross_lingual_sizes_are_limited_by_neighbours(
    source: int, target: int, requested: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert cross_lingual_sizes(source, target, *requested) == expected


def test_shots_import_neither_numpy_nor_torch() -> None:
    program = "import sys, core.tasks.qa.shots; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
