"""Episodes of questions, against neighbours that are searched anew for each."""

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
from core.tasks.qa.shots import cross_lingual_sides, sides

EPISODES = 5
WIDTH = 4

sizes = st.integers(1, 30)
shots = st.integers(1, 8)
seeds = st.integers(0, 2**31 - 1)
kinds = st.integers(1, 40)

Drawn = Iterator[Episode[str]]


def pool(language: str, size: int, *, kinds: int = 40, seed: int = 0) -> TripletPool[str]:
    """Return triplets of which several are equal if there are few kinds, each with a name of its own."""
    draw = np.random.default_rng([seed, size, ord(language[0])])
    of_kind = draw.normal(size=(kinds, WIDTH))
    of_kind /= np.linalg.norm(of_kind, axis=1, keepdims=True)
    which = draw.integers(kinds, size=size) if kinds < size else np.arange(size)
    return TripletPool(
        features=[f"{language} {row}" for row in range(size)],
        texts=[f"{language} {kind}" for kind in which],
        vectors=of_kind[which].astype(np.float32),
    )


def text_of(name: str, *pools: TripletPool[str]) -> str:
    """Return the triplet behind a feature."""
    return next(
        text for one in pools for text, own in zip(one.texts, one.features, strict=True) if own == name
    )


def expected_support(
    episode: Episode[str], source: TripletPool[str], target: TripletPool[str], each: int
) -> set[str]:
    """Search the neighbours of each query in turn among all the source's triplets, one pair at a time."""
    asked = {text_of(name, target) for name in episode.query}
    left = {
        text: vector for text, vector in zip(source.texts, source.vectors, strict=True) if text not in asked
    }
    given: set[str] = set()
    for name in episode.query:
        query = target.vectors[target.features.index(name)].astype(np.float64)
        similarity = {text: round(1e6 * math.fsum(query * vector)) for text, vector in left.items()}
        own = sorted(left, key=lambda text: (-similarity[text], source.texts.index(text)))[:each]
        given.update(own)
        left = {text: vector for text, vector in left.items() if text not in own}
    return given


@given(sizes, kinds, shots, shots, seeds)
def test_meta_adapt_learns_from_the_neighbours_of_what_it_is_judged_by(
    size: int, kinds: int, k_shot: int, q_shot: int, seed: int
) -> None:
    target = pool("es", size, kinds=kinds)
    different = len(set(target.texts))
    if different < 2:
        with pytest.raises(ValueError, match="needs two triplets"):
            within_language_episodes(target, k_shot=k_shot, q_shot=q_shot, seed=seed)
        return
    k, q = sides(different, k_shot, q_shot)
    for episode in islice(
        within_language_episodes(target, k_shot=k_shot, q_shot=q_shot, seed=seed), EPISODES
    ):
        support = {text_of(name, target) for name in episode.support}
        query = {text_of(name, target) for name in episode.query}
        assert (len(episode.support), len(episode.query)) == (len(support), len(query)) == (k, q)
        assert not support & query
        assert support == expected_support(episode, target, target, k // q)


@given(sizes, sizes, kinds, kinds, shots, shots, seeds)
def test_meta_train_learns_from_neighbours_in_the_source(
    source_size: int, size: int, source_kinds: int, kinds: int, k_shot: int, q_shot: int, seed: int
) -> None:
    source = pool("en", source_size, kinds=source_kinds)
    target = pool("es", size, kinds=kinds)
    k, q = cross_lingual_sides(len(set(source.texts)), len(set(target.texts)), k_shot, q_shot)
    episodes = cross_lingual_episodes(source, target, k_shot=k_shot, q_shot=q_shot, seed=seed)
    for episode in islice(episodes, EPISODES):
        support = {text_of(name, source) for name in episode.support}
        query = {text_of(name, target) for name in episode.query}
        assert (len(episode.support), len(episode.query)) == (len(support), len(query)) == (k, q)
        assert support == expected_support(episode, source, target, k // q)


@given(st.integers(2, 30), shots, shots, seeds)
def test_a_triplet_of_both_pools_is_never_on_both_sides(
    size: int, k_shot: int, q_shot: int, seed: int
) -> None:
    both = pool("en", size)
    source = TripletPool([f"source {name}" for name in both.features], both.texts, both.vectors)
    target = TripletPool(both.features[: size // 2], both.texts[: size // 2], both.vectors[: size // 2])
    episodes = cross_lingual_episodes(source, target, k_shot=k_shot, q_shot=q_shot, seed=seed)
    for episode in islice(episodes, EPISODES):
        assert episode.support
        query = {text_of(name, target) for name in episode.query}
        assert not query & {text_of(name, source) for name in episode.support}


def test_every_triplet_is_asked_in_its_turn() -> None:
    target = pool("es", 30)
    episodes = within_language_episodes(target, k_shot=6, q_shot=6, seed=1)
    asked = [name for episode in islice(episodes, 2_000) for name in episode.query]
    for name in target.features:
        assert asked.count(name) == pytest.approx(2_000 * 6 / 30, rel=0.2)


def test_a_minibatch_of_the_support_holds_neighbours_of_several_queries() -> None:
    """Two far groups: what stands first in the support is not always of the first query's group."""
    groups = np.repeat(np.eye(2, dtype=np.float32), 20, axis=0)
    names = [f"{group} {row}" for group in "ab" for row in range(20)]
    episodes = within_language_episodes(TripletPool(names, names, groups), k_shot=6, q_shot=2, seed=4)
    mixed = [episode for episode in islice(episodes, 50) if len({name[0] for name in episode.query}) == 2]
    assert any(episode.support[0][0] != episode.query[0][0] for episode in mixed)
    assert any(len({name[0] for name in episode.support[:3]}) == 2 for episode in mixed)


@given(seeds)
def test_one_seed_draws_the_same_episodes(seed: int) -> None:
    def draw(number: int) -> list[list[Episode[str]]]:
        source, target = pool("en", 20), pool("es", 20)
        both: tuple[Drawn, Drawn] = (
            cross_lingual_episodes(source, target, k_shot=6, q_shot=3, seed=number),
            within_language_episodes(target, k_shot=6, q_shot=3, seed=number),
        )
        return [list(islice(episodes, 4)) for episodes in both]

    assert draw(seed) == draw(seed)
    assert draw(seed) != draw(seed + 1)


@pytest.mark.parametrize(("source", "target"), [(0, 3), (3, 0), (0, 0)])
def test_an_empty_pool_has_no_episode(source: int, target: int) -> None:
    with pytest.raises(ValueError, match="make no episode"):
        cross_lingual_episodes(pool("en", source), pool("es", target), k_shot=2, q_shot=2, seed=0)


def test_a_source_that_is_only_the_target_has_no_episode() -> None:
    with pytest.raises(ValueError, match="0 source and 3 target triplets"):
        cross_lingual_episodes(pool("es", 3), pool("es", 3), k_shot=2, q_shot=2, seed=0)


def test_a_part_of_a_pool_has_these_rows_in_their_order() -> None:
    whole = pool("es", 5)
    part = whole.rows((4, 1))
    assert (part.features, part.texts) == (["es 4", "es 1"], ["es 4", "es 1"])
    np.testing.assert_array_equal(part.vectors, whole.vectors[[4, 1]])
    assert len(whole.rows(())) == 0


def test_a_pool_has_a_vector_to_every_triplet() -> None:
    with pytest.raises(ValueError, match="2 features, 3 texts and 3 vectors"):
        TripletPool(["a", "b"], ["a", "b", "c"], np.eye(3, dtype=np.float32))


@pytest.mark.parametrize(
    ("available", "wanted", "given"),
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
def test_a_small_pool_gives_half_to_each_side(
    available: int, wanted: tuple[int, int], given: tuple[int, int]
) -> None:
    assert sides(available, *wanted) == given


@pytest.mark.parametrize(
    ("source", "target", "wanted", "given"),
    [
        (4_000, 20, (6, 6), (6, 6)),
        (4_000, 2, (6, 6), (6, 2)),
        (4_000, 4, (6, 6), (4, 4)),
        (10, 20, (12, 6), (6, 6)),
        (3, 20, (6, 6), (3, 3)),
        (0, 20, (6, 6), (0, 1)),
    ],
)
def test_meta_train_asks_no_more_than_there_are_neighbours_for(
    source: int, target: int, wanted: tuple[int, int], given: tuple[int, int]
) -> None:
    assert cross_lingual_sides(source, target, *wanted) == given


def test_planning_needs_neither_numpy_nor_torch() -> None:
    program = "import sys, core.tasks.qa.shots; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
