"""Pseudo-tasks: q questions to be judged by, their k/q nearest to learn from (X-METRA-ADA, section 2.3.2)."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic

from core.tasks.engine import Episode, FeaturesT
from core.tasks.qa.neighbours import Vectors, nearest, support_rows
from core.tasks.qa.shots import cross_lingual_sides, sides


@dataclass(frozen=True, slots=True)
class TripletPool(Generic[FeaturesT]):
    """Triplets to draw from; row i of each is the same triplet.

    Attributes:
        features: What an episode hands on.
        texts: What was compared (`core.tasks.qa.similarity.triplet_text`): equal ones are one triplet.
        vectors: Of the texts, of unit length, [triplets, width].

    Raises:
        ValueError: They are not equally many.
    """

    features: Sequence[FeaturesT]
    texts: Sequence[str]
    vectors: Vectors

    def __post_init__(self) -> None:
        lengths = len(self.features), len(self.texts), len(self.vectors)
        if len(set(lengths)) > 1:
            raise ValueError("a pool of {} features, {} texts and {} vectors".format(*lengths))

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, chosen: Sequence[int]) -> "TripletPool[FeaturesT]":
        """Return some of the triplets."""
        rows = list(chosen)
        return TripletPool(
            [self.features[row] for row in rows], [self.texts[row] for row in rows], self.vectors[rows]
        )

    def distinct(self, *, without: Collection[str] = ()) -> "TripletPool[FeaturesT]":
        """Return each triplet once, in the order of their first rows.

        Args:
            without: Texts that are left out.
        """
        first: dict[str, int] = {}
        for row, text in enumerate(self.texts):
            first.setdefault(text, row)
        for text in without:
            first.pop(text, None)
        return self.rows(list(first.values()))


def cross_lingual_episodes(
    source: TripletPool[FeaturesT], target: TripletPool[FeaturesT], *, k_shot: int, q_shot: int, seed: int
) -> Iterator[Episode[FeaturesT]]:
    """Draw meta-train episodes: query from the target, support its neighbours in the source.

    A triplet given twice counts once, and one that is in both pools counts as the target's.

    Args:
        source: Where neighbours are found.
        target: Triplets of the language to be learnt.
        k_shot: Support triplets, all neighbours together; see `cross_lingual_sides` for small pools.
        q_shot: Query triplets.
        seed: Two runs with one seed draw the same episodes.

    Raises:
        ValueError: A pool has nothing to draw.
    """
    target = target.distinct()
    source = source.distinct(without=target.texts)
    if not len(source) or not len(target):
        raise ValueError(f"{len(source)} source and {len(target)} target triplets make no episode")
    k_shot, q_shot = cross_lingual_sides(len(source), len(target), k_shot, q_shot)
    # The other queries take at most k - k/q of a query's neighbours, so k are enough.
    ranked = nearest(target.vectors, source.vectors, count=k_shot, exclude=[()] * len(target))
    return _episodes(source, target, ranked.tolist(), k_shot=k_shot, q_shot=q_shot, seed=seed)


def within_language_episodes(
    target: TripletPool[FeaturesT], *, k_shot: int, q_shot: int, seed: int
) -> Iterator[Episode[FeaturesT]]:
    """Draw meta-adapt episodes: query from the target, support its neighbours among the others.

    A triplet given twice counts once, so that none is on both sides under another row.

    Args:
        target: Triplets of the language to be learnt.
        k_shot: Support triplets, all neighbours together; see `sides` for small pools.
        q_shot: Query triplets.
        seed: Two runs with one seed draw the same episodes.

    Raises:
        ValueError: There are fewer than two different triplets.
    """
    target = target.distinct()
    if len(target) < 2:
        raise ValueError(f"an episode within one language needs two triplets, got {len(target)}")
    k_shot, q_shot = sides(len(target), k_shot, q_shot)
    # Of a query's neighbours q - 1 may be in the query, and the other queries may take k - k/q.
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
    """Draw without end; neighbours are looked up, not searched."""
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    while True:
        asked = draw.sample(range(len(query)), q_shot)
        barred = asked if support is query else ()
        given = support_rows(ranked, asked, each=k_shot // q_shot, barred=barred)
        # The neighbours of one query would else be one minibatch.
        draw.shuffle(given)
        yield Episode(
            tuple(support.features[row] for row in given), tuple(query.features[row] for row in asked)
        )
