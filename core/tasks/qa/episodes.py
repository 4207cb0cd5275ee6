"""Episodes of similar questions: q query triplets and k/q neighbours of each (X-METRA-ADA, section 2.3.2)."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic

from core.tasks.engine import Episode, FeaturesT
from core.tasks.qa.neighbours import UnitVectors, nearest, support_rows
from core.tasks.qa.shots import cross_lingual_sizes, within_language_sizes


@dataclass(frozen=True, slots=True)
class TripletPool(Generic[FeaturesT]):
    """Triplets to draw from; row i of each attribute belongs to the same triplet.

    Attributes:
        features: Features of the triplets, which episodes consist of.
        texts: Texts that were embedded (`core.tasks.qa.similarity.embedding_text`); triplets with equal texts
            are duplicates.
        vectors: Sentence vectors of the texts, of unit length, [triplets, width].

    Raises:
        ValueError: The attributes differ in length.
    """

    features: Sequence[FeaturesT]
    texts: Sequence[str]
    vectors: UnitVectors

    def __post_init__(self) -> None:
        lengths = len(self.features), len(self.texts), len(self.vectors)
        if len(set(lengths)) > 1:
            raise ValueError("a pool of {} features, {} texts and {} vectors".format(*lengths))

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, indices: Sequence[int]) -> "TripletPool[FeaturesT]":
        """Return the triplets of some rows."""
        rows = list(indices)
        return TripletPool(
            [self.features[row] for row in rows], [self.texts[row] for row in rows], self.vectors[rows]
        )

    def distinct(self, *, without: Collection[str] = ()) -> "TripletPool[FeaturesT]":
        """Return the pool without duplicates, in the order of their first rows.

        Args:
            without: Texts that are removed.
        """
        first_rows: dict[str, int] = {}
        for row, text in enumerate(self.texts):
            first_rows.setdefault(text, row)
        for text in without:
            first_rows.pop(text, None)
        return self.rows(list(first_rows.values()))


def cross_lingual_episodes(
    source: TripletPool[FeaturesT], target: TripletPool[FeaturesT], *, k_shot: int, q_shot: int, seed: int
) -> Iterator[Episode[FeaturesT]]:
    """Draw meta-train episodes: query from the target, support from its neighbours in the source.

    Duplicates count once, and a triplet in both pools counts as the target's.

    Args:
        source: Pool of the source language, which neighbours are drawn from.
        target: Pool of the target language.
        k_shot: Number of support triplets, all neighbours together; see `cross_lingual_sizes` for small
            pools.
        q_shot: Number of query triplets.
        seed: Seed of the draws; the same seed gives the same episodes.

    Raises:
        ValueError: A pool is empty.
    """
    target = target.distinct()
    source = source.distinct(without=target.texts)
    if not len(source) or not len(target):
        raise ValueError(f"{len(source)} source and {len(target)} target triplets make no episode")
    k_shot, q_shot = cross_lingual_sizes(len(source), len(target), k_shot, q_shot)
    # The other queries use at most k - k/q of a query's neighbours, so k are enough.
    ranked = nearest(target.vectors, source.vectors, count=k_shot, exclude=[()] * len(target))
    return _episodes(source, target, ranked.tolist(), k_shot=k_shot, q_shot=q_shot, seed=seed)


def within_language_episodes(
    target: TripletPool[FeaturesT], *, k_shot: int, q_shot: int, seed: int
) -> Iterator[Episode[FeaturesT]]:
    """Draw meta-adapt episodes: query from the target, support from its neighbours among the other triplets.

    Duplicates count once, so that no triplet is on both sides.

    Args:
        target: Pool of the target language.
        k_shot: Number of support triplets, all neighbours together; see `within_language_sizes` for small
            pools.
        q_shot: Number of query triplets.
        seed: Seed of the draws; the same seed gives the same episodes.

    Raises:
        ValueError: There are fewer than two distinct triplets.
    """
    target = target.distinct()
    if len(target) < 2:
        raise ValueError(f"an episode within one language needs two triplets, got {len(target)}")
    k_shot, q_shot = within_language_sizes(len(target), k_shot, q_shot)
    # Of a query's neighbours q - 1 may be in the query, and the other queries may use k - k/q.
    ranked = nearest(
        target.vectors,
        target.vectors,
        count=k_shot + q_shot - 1,
        exclude=[(row,) for row in range(len(target))],
    )
    return _episodes(target, target, ranked.tolist(), k_shot=k_shot, q_shot=q_shot, seed=seed)


def _episodes(
    support: TripletPool[FeaturesT],
    query: TripletPool[FeaturesT],
    ranked: Sequence[Sequence[int]],
    *,
    k_shot: int,
    q_shot: int,
    seed: int,
) -> Iterator[Episode[FeaturesT]]:
    """Draw episodes without end, with precomputed neighbours."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    while True:
        query_rows = rng.sample(range(len(query)), q_shot)
        neighbour_rows = support_rows(
            ranked,
            query_rows,
            per_query=k_shot // q_shot,
            exclude=query_rows if support is query else (),
        )
        # Otherwise the neighbours of one query would be one minibatch.
        rng.shuffle(neighbour_rows)
        yield Episode(
            tuple(support.features[row] for row in neighbour_rows),
            tuple(query.features[row] for row in query_rows),
        )
