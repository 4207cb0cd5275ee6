"""What an adaptation will do, decided and told before it starts. Torch-free, for `dry_run`."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.contracts.examples import MtodExample
from core.contracts.jobs import FineTuneSettings, Hyperparameters, MetaSettings
from core.contracts.reports import AdaptPlan, StagePlan
from core.contracts.values import Method
from core.errors import Fault, InvalidInput
from core.learning.splits import (
    SMALLEST_HELD_OUT_INTENT,
    SMALLEST_SPLIT_INTENT,
    Pools,
    adaptation_pools,
    hold_out,
)
from core.tasks.shots import minibatch_count, presence, shots, side_sizes

FINE_TUNE = "fine-tune"
META_TRAIN = "meta-train"
META_ADAPT = "meta-adapt"

FORWARD_SHARE = 1 / 3
"""Cost of answering an example, of that of training on it: a forward pass without a backward one."""


@dataclass(frozen=True, slots=True)
class Split:
    """Few-shot data parted for one adaptation.

    Attributes:
        train: Examples to learn from.
        evaluation: Held-out examples.
        pools: Indices into `train` for the two meta stages.
    """

    train: tuple[MtodExample, ...]
    evaluation: tuple[MtodExample, ...]
    pools: Pools


def split_examples(
    examples: Sequence[MtodExample],
    evaluation: Sequence[MtodExample] | None,
    *,
    fraction: float,
    seed: int,
) -> Split:
    """Part few-shot data into what is learnt from and what is held out.

    Args:
        examples: The few-shot data.
        evaluation: Held-out examples, or None to take `fraction` of the few-shot data.
        fraction: Share held out where no evaluation is given.
        seed: Two calls with one seed part alike.

    Raises:
        InvalidInput: Nothing can be held out, or too little is left to learn from.
    """
    train, held = tuple(examples), tuple(evaluation or ())
    if evaluation is None:
        kept, given_away = hold_out(
            [one.text for one in examples], [one.intent for one in examples], fraction
        )
        train = tuple(examples[index] for index in kept)
        held = tuple(examples[index] for index in given_away)
    faults = []
    if not held:
        faults.append(
            Fault(
                "/examples",
                f"no intent has {SMALLEST_HELD_OUT_INTENT} different texts, so none can be held out to "
                "measure the result; send `evaluation` examples or more of these",
            )
        )
    if len(train) < 2:
        faults.append(Fault("/examples", f"{len(train)} example is too little to learn from: send 2 or more"))
    if faults:
        raise InvalidInput(faults)
    return Split(train, held, adaptation_pools([one.intent for one in train], seed=seed))


def plan_adaptation(
    split: Split,
    *,
    source_intents: Mapping[str, int],
    method: Method,
    hyperparameters: Hyperparameters,
    seconds_per_example: float | None = None,
) -> AdaptPlan:
    """Tell what an adaptation will do.

    Args:
        split: The parted data.
        source_intents: Intent → examples in the base's source data.
        method: How the language is learnt.
        hyperparameters: Rates, shots and steps.
        seconds_per_example: What the base's training took for one example, for the estimate.
    """
    stages = _stages(split, source_intents, method, hyperparameters)
    passes = sum(cost for _, cost in stages) + 2 * FORWARD_SHARE * len(split.evaluation)
    return AdaptPlan(
        method=method,
        train=len(split.train),
        evaluation=len(split.evaluation),
        stages=tuple(stage for stage, _ in stages),
        warnings=tuple(_warnings(split, source_intents, method)),
        estimated_seconds=None if seconds_per_example is None else round(passes * seconds_per_example, 1),
    )


def stage_costs(
    split: Split, source_intents: Mapping[str, int], method: Method, hyperparameters: Hyperparameters
) -> dict[str, float]:
    """Return stage → training passes over one example, for progress and estimates."""
    return {stage.name: cost for stage, cost in _stages(split, source_intents, method, hyperparameters)}


def stage_steps(
    split: Split, source_intents: Mapping[str, int], method: Method, hyperparameters: Hyperparameters
) -> dict[str, int]:
    """Return stage → optimiser steps, in the order they run."""
    return {stage.name: stage.steps for stage, _ in _stages(split, source_intents, method, hyperparameters)}


def _stages(
    split: Split, source_intents: Mapping[str, int], method: Method, hyperparameters: Hyperparameters
) -> list[tuple[StagePlan, float]]:
    """Return the stages in order, each with its cost."""
    known = {one.intent for one in split.train if source_intents.get(one.intent)}
    fine_tune = _fine_tune_stage(len(split.train), hyperparameters.fine_tune)
    if method is Method.FT or not known:
        return [fine_tune]
    # Heads know nothing of a new intent: without a plain start its episodes would be noise.
    start = [] if all(one.intent in known for one in split.train) else [fine_tune]
    settings = episode_settings(hyperparameters.meta, split)
    return [*start, _meta_train_stage(split, source_intents, settings), _meta_adapt_stage(split, settings)]


@dataclass(frozen=True, slots=True)
class EpisodeSettings:
    """Meta-learning as it will be done on this data.

    Attributes:
        meta: What was asked for.
        k_shot: Support examples an intent, at most.
        q_shot: Query examples an intent, at most.
    """

    meta: MetaSettings
    k_shot: int
    q_shot: int


def episode_settings(meta: MetaSettings, split: Split) -> EpisodeSettings:
    """Settle what was left open: the shots follow from the number of intents."""
    classes = len({one.intent for one in split.train})
    return EpisodeSettings(meta, shots(meta.k_shot, classes), shots(meta.q_shot, classes))


def _meta_train_stage(
    split: Split, source_intents: Mapping[str, int], settings: EpisodeSettings
) -> tuple[StagePlan, float]:
    """Plan meta-train: support from the source, query from the target's larger pool."""
    pool = Counter(split.train[index].intent for index in split.pools.meta_train)
    shared = {intent: count for intent, count in pool.items() if source_intents.get(intent)}
    chances = presence(shared)
    support = sum(chances[intent] * min(settings.k_shot, source_intents[intent]) for intent in shared)
    query = sum(chances[intent] * min(settings.q_shot, count) for intent, count in shared.items())
    examples, meta = sum(shared.values()), settings.meta
    steps = meta.meta_train_steps or meta.steps(examples, query, least=meta.min_steps)
    return _meta_stage(META_TRAIN, settings, (steps, examples), (support, query))


def _meta_adapt_stage(split: Split, settings: EpisodeSettings) -> tuple[StagePlan, float]:
    """Plan meta-adapt: both sides from the target's smaller pool."""
    pool = Counter(split.train[index].intent for index in split.pools.meta_adapt)
    chances = presence(pool)
    sides = {intent: side_sizes(count, settings.k_shot, settings.q_shot) for intent, count in pool.items()}
    support = sum(chances[intent] * k for intent, (k, _) in sides.items())
    query = sum(chances[intent] * q for intent, (_, q) in sides.items())
    examples, meta = sum(pool.values()), settings.meta
    least = math.ceil(meta.min_steps * examples / len(split.pools.meta_train))
    steps = meta.meta_adapt_steps or meta.steps(examples, query, least=least)
    return _meta_stage(META_ADAPT, settings, (steps, examples), (support, query))


def _meta_stage(
    name: str, settings: EpisodeSettings, size: tuple[int, int], sides: tuple[float, float]
) -> tuple[StagePlan, float]:
    """Plan a stage of so many steps over so many examples, with sides of an average size."""
    (steps, examples), (support, query) = size, sides
    meta = settings.meta
    episodes = steps * meta.meta_batch_size
    plan = StagePlan(
        name=name,
        steps=steps,
        examples=examples,
        episodes=episodes,
        k_shot=settings.k_shot,
        q_shot=settings.q_shot,
    )
    learnt = support * meta.inner_steps / minibatch_count(support, meta.inner_steps)
    return plan, episodes * (learnt + query)


def _fine_tune_stage(examples: int, settings: FineTuneSettings) -> tuple[StagePlan, float]:
    steps = settings.steps(examples)
    plan = StagePlan(name=FINE_TUNE, steps=steps, examples=examples)
    return plan, float(steps * min(settings.batch_size, examples))


def _warnings(split: Split, source_intents: Mapping[str, int], method: Method) -> list[str]:
    """Tell everything about the data that a person should know before waiting for the result."""
    counts = Counter(one.intent for one in split.train)
    measured = Counter(one.intent for one in split.evaluation)
    warnings = []
    if repeated := {one.text for one in split.train} & {one.text for one in split.evaluation}:
        warnings.append(
            f"{len(repeated)} of the evaluation's texts are among the training examples too: scores flatter"
        )
    if absent := sorted(set(source_intents) - set(counts)):
        warnings.append(f"no examples of {_names(absent)}: the result knows these from the base alone")
    if unmeasured := sorted(set(counts) - set(measured)):
        warnings.append(f"nothing held out of {_names(unmeasured)}: their quality is not measured")
    if method is not Method.X_METRA_ADA:
        return warnings
    if not set(counts) & set(source_intents):
        warnings.append(
            "the source has no examples of any of these intents, so there is nothing to meta-learn from: "
            "plain fine-tuning only"
        )
        return warnings
    if unknown := sorted(set(counts) - set(source_intents)):
        warnings.append(
            f"the source has no examples of {_names(unknown)}: a plain fine-tuning stage comes first, "
            "and meta-train leaves these out"
        )
    if split.pools.shared:
        warnings.append(
            f"fewer than {SMALLEST_SPLIT_INTENT} training examples of {_names(split.pools.shared)}: both "
            "stages draw from the same ones, and only the two sides of an episode are kept apart"
        )
    return warnings


def _names(intents: Sequence[str]) -> str:
    """List intents, the first few by name."""
    shown = ", ".join(intents[:5])
    return shown if len(intents) <= 5 else f"{shown} and {len(intents) - 5} more intents"
