"""Pseudo-tasks: k examples an intent to learn from, q to be judged by (X-METRA-ADA, section 2.3.1)."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from core.contracts.examples import MtodExample
from core.tasks.engine import Episode
from core.tasks.mtod.features import Features
from core.tasks.shots import presence, side_sizes

Pool = Mapping[str, Sequence[Features]]
"""Intent → its examples."""


def by_intent(examples: Sequence[MtodExample], features: Sequence[Features]) -> dict[str, list[Features]]:
    """Group features by the intent of their examples: a pool to draw from."""
    groups: dict[str, list[Features]] = defaultdict(list)
    for example, one in zip(examples, features, strict=True):
        groups[example.intent].append(one)
    return groups


def cross_lingual_episodes(
    source: Pool, target: Pool, *, k_shot: int, q_shot: int, seed: int
) -> Iterator[Episode[Features]]:
    """Draw meta-train episodes: support from the source language, query from the target.

    Scarce intents sit out now and then (`core.tasks.shots.presence`), in both kinds of episode.

    Args:
        source: Only its intents that the target has too are drawn.
        target: Examples of the language to be learnt.
        k_shot: Support examples an intent, at most.
        q_shot: Query examples an intent, at most.
        seed: Two runs with one seed draw the same episodes.

    Raises:
        ValueError: The two share no intent.
    """
    shared = [intent for intent in sorted(target) if source.get(intent)]
    if not shared:
        raise ValueError("source and target share no intent, so there is no episode to draw")
    chances = presence({intent: len(target[intent]) for intent in shared})
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    while True:
        present = _present(chances, draw)
        support = [one for intent in present for one in _some(source[intent], k_shot, draw)]
        query = [one for intent in present for one in _some(target[intent], q_shot, draw)]
        yield _shuffled(support, query, draw)


def within_language_episodes(
    target: Pool, *, k_shot: int, q_shot: int, seed: int
) -> Iterator[Episode[Features]]:
    """Draw meta-adapt episodes: support and query from the target, disjoint within the episode.

    An intent with fewer than k + q examples gives about half of what it has to each side; an only
    example goes to either side by chance, so that neither side stays empty of it for ever.

    Raises:
        ValueError: There are fewer than two examples in all.
    """
    if sum(len(examples) for examples in target.values()) < 2:
        raise ValueError("an episode within one language needs at least two examples")
    chances = presence({intent: len(target[intent]) for intent in sorted(target)})
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    while True:
        support: list[Features] = []
        query: list[Features] = []
        for intent in _present(chances, draw):
            given_k, given_q = side_sizes(len(target[intent]), k_shot, q_shot)
            drawn = _some(target[intent], given_k + given_q, draw)
            if len(target[intent]) == 1 and draw.random() < 0.5:
                given_k = 1
            support.extend(drawn[:given_k])
            query.extend(drawn[given_k:])
        if support and query:
            yield _shuffled(support, query, draw)


def _present(chances: Mapping[str, float], draw: random.Random) -> list[str]:
    """Return the intents of one episode; at least the larger half of them is always there."""
    return [intent for intent, chance in chances.items() if draw.random() < chance]


def _some(examples: Sequence[Features], count: int, draw: random.Random) -> list[Features]:
    """Draw without replacement, at most `count`."""
    return draw.sample(list(examples), min(count, len(examples)))


def _shuffled(support: list[Features], query: list[Features], draw: random.Random) -> Episode[Features]:
    """Mix the intents, so that any minibatch of the support holds several."""
    draw.shuffle(support)
    draw.shuffle(query)
    return Episode(tuple(support), tuple(query))
