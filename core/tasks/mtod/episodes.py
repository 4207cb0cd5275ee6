"""Episodes by intent: k support and q query examples per intent (X-METRA-ADA, section 2.3.1)."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from core.contracts.examples import MtodExample
from core.tasks.engine import Episode
from core.tasks.mtod.features import Features
from core.tasks.shots import inclusion_probabilities, support_query_sizes

Pool = Mapping[str, Sequence[Features]]
"""Intent → features of its examples."""


def by_intent(examples: Sequence[MtodExample], features: Sequence[Features]) -> dict[str, list[Features]]:
    """Group features by the intent of their examples: a pool to draw from."""
    groups: dict[str, list[Features]] = defaultdict(list)
    for example, example_features in zip(examples, features, strict=True):
        groups[example.intent].append(example_features)
    return groups


def cross_lingual_episodes(
    source: Pool, target: Pool, *, k_shot: int, q_shot: int, seed: int
) -> Iterator[Episode[Features]]:
    """Draw meta-train episodes: support from the source language, query from the target.

    Rare intents are not part of every episode (`core.tasks.shots.inclusion_probabilities`), in both kinds of
    episode.

    Args:
        source: Pool of the source language; only intents that are also in `target` are drawn.
        target: Pool of the target language.
        k_shot: Maximum of support examples per intent.
        q_shot: Maximum of query examples per intent.
        seed: Seed of the draws; the same seed gives the same episodes.

    Raises:
        ValueError: Source and target share no intent.
    """
    shared = [intent for intent in sorted(target) if source.get(intent)]
    if not shared:
        raise ValueError("source and target share no intent, so there is no episode to draw")
    probabilities = inclusion_probabilities({intent: len(target[intent]) for intent in shared})
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    while True:
        intents = _draw_intents(probabilities, rng)
        support = [features for intent in intents for features in _sample(source[intent], k_shot, rng)]
        query = [features for intent in intents for features in _sample(target[intent], q_shot, rng)]
        yield _shuffled(support, query, rng)


def within_language_episodes(
    target: Pool, *, k_shot: int, q_shot: int, seed: int
) -> Iterator[Episode[Features]]:
    """Draw meta-adapt episodes: support and query from the target, disjoint within the episode.

    An intent with fewer than k + q examples contributes about half of them to each side; a single
    example goes to either side at random, so that each side includes it in some episodes.

    Args:
        target: Pool of the target language.
        k_shot: Maximum of support examples per intent.
        q_shot: Maximum of query examples per intent.
        seed: Seed of the draws; the same seed gives the same episodes.

    Raises:
        ValueError: There are fewer than two examples in all.
    """
    if sum(len(examples) for examples in target.values()) < 2:
        raise ValueError("an episode within one language needs at least two examples")
    probabilities = inclusion_probabilities({intent: len(target[intent]) for intent in sorted(target)})
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    while True:
        support: list[Features] = []
        query: list[Features] = []
        for intent in _draw_intents(probabilities, rng):
            support_size, query_size = support_query_sizes(len(target[intent]), k_shot, q_shot)
            examples = _sample(target[intent], support_size + query_size, rng)
            if len(target[intent]) == 1 and rng.random() < 0.5:
                support_size = 1
            support.extend(examples[:support_size])
            query.extend(examples[support_size:])
        if support and query:
            yield _shuffled(support, query, rng)


def _draw_intents(probabilities: Mapping[str, float], rng: random.Random) -> list[str]:
    """Return the intents of one episode; at least the larger half of them is always included."""
    return [intent for intent, probability in probabilities.items() if rng.random() < probability]


def _sample(examples: Sequence[Features], count: int, rng: random.Random) -> list[Features]:
    """Draw at most `count` examples without replacement."""
    return rng.sample(list(examples), min(count, len(examples)))


def _shuffled(support: list[Features], query: list[Features], rng: random.Random) -> Episode[Features]:
    """Return an episode in random order, so that a minibatch of the support has several intents."""
    rng.shuffle(support)
    rng.shuffle(query)
    return Episode(tuple(support), tuple(query))
