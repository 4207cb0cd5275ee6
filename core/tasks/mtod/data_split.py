"""Data splits of the task mtod: stratified by intent, with warnings."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from core.contracts.examples import DatasetManifest, MtodExample
from core.contracts.hyperparameters import MetaSettings
from core.contracts.values import Method
from core.errors import Fault, InvalidInput
from core.tasks.data_split import EpisodeShape, Split
from core.tasks.holdout import train_evaluation_split
from core.tasks.mtod.splits import (
    SMALLEST_HELD_OUT_INTENT,
    SMALLEST_SPLIT_INTENT,
    adaptation_pools,
    hold_out,
)
from core.tasks.shots import inclusion_probabilities, shots_per_class, support_query_sizes

SOURCE_POOL = 500
"""Source examples per intent that episodes are sampled from: tokenising more of them gains nothing."""


class MtodDataSplitter:
    """Intents are the classes (X-METRA-ADA, section 2.3.1)."""

    def split(
        self,
        examples: Sequence[MtodExample],
        evaluation: Sequence[MtodExample] | None,
        *,
        fraction: float,
        seed: int,
    ) -> Split[MtodExample]:
        """Split few-shot data by intent (see `DataSplitter.split`)."""
        train, held_out = train_evaluation_split(
            examples,
            evaluation,
            lambda: hold_out(
                [example.text for example in examples], [example.intent for example in examples], fraction
            ),
        )
        faults = []
        if not held_out:
            faults.append(
                Fault(
                    "/examples",
                    f"no intent has {SMALLEST_HELD_OUT_INTENT} different texts, so none can be held out to "
                    "measure the result; send `evaluation` examples or more of these",
                )
            )
        if len(train) < 2:
            detail = f"{len(train)} example is too little to learn from: send 2 or more"
            faults.append(Fault("/examples", detail))
        if faults:
            raise InvalidInput(faults)
        return Split(train, held_out, adaptation_pools([example.intent for example in train], seed=seed))

    def source_pool(self, source: Sequence[MtodExample]) -> tuple[MtodExample, ...]:
        """Return the first `SOURCE_POOL` distinct examples of each intent, in the dataset's order."""
        by_intent: dict[str, dict[str, MtodExample]] = defaultdict(dict)
        for example in source:
            if len(by_intent[example.intent]) < SOURCE_POOL:
                by_intent[example.intent].setdefault(example.text, example)
        return tuple(example for group in by_intent.values() for example in group.values())

    def supported(self, split: Split[MtodExample], source: DatasetManifest) -> int:
        """Count the training examples whose intent the source has."""
        return sum(example.intent in source.intents for example in split.train)

    def meta_train(
        self, split: Split[MtodExample], source: DatasetManifest, meta: MetaSettings
    ) -> EpisodeShape:
        """Return the shape of meta-train's episodes, over the intents that source and target share."""
        pool = Counter(split.train[index].intent for index in split.pools.meta_train)
        shared = {intent: count for intent, count in pool.items() if intent in source.intents}
        chances = inclusion_probabilities(shared)
        k_shot, q_shot = _shots(split, meta)
        return EpisodeShape(
            examples=sum(shared.values()),
            support=sum(chances[intent] * min(k_shot, source.intents[intent]) for intent in shared),
            query=sum(chances[intent] * min(q_shot, count) for intent, count in shared.items()),
            k_shot=k_shot,
            q_shot=q_shot,
        )

    def meta_adapt(self, split: Split[MtodExample], meta: MetaSettings) -> EpisodeShape:
        """Return the shape of meta-adapt's episodes: support and query from the smaller pool."""
        pool = Counter(split.train[index].intent for index in split.pools.meta_adapt)
        chances = inclusion_probabilities(pool)
        k_shot, q_shot = _shots(split, meta)
        sizes = {intent: support_query_sizes(count, k_shot, q_shot) for intent, count in pool.items()}
        return EpisodeShape(
            examples=sum(pool.values()),
            support=sum(chances[intent] * k for intent, (k, _) in sizes.items()),
            query=sum(chances[intent] * q for intent, (_, q) in sizes.items()),
            k_shot=k_shot,
            q_shot=q_shot,
        )

    def preparation(self, split: Split[MtodExample], source: DatasetManifest) -> Mapping[str, float]:  # noqa: ARG002
        """Return no stages: episodes are sampled by intent."""
        return {}

    def warnings(self, split: Split[MtodExample], source: DatasetManifest, method: Method) -> list[str]:
        """Warn of texts on both sides, and of intents that are missing, new, small or not measured."""
        counts = Counter(example.intent for example in split.train)
        measured = Counter(example.intent for example in split.evaluation)
        warnings = []
        if repeated := {example.text for example in split.train} & {
            example.text for example in split.evaluation
        }:
            warnings.append(
                f"{len(repeated)} of the evaluation's texts are among the training examples too: "
                "scores flatter"
            )
        if absent := sorted(set(source.intents) - set(counts)):
            warnings.append(f"no examples of {_names(absent)}: the result knows these from the base alone")
        if unmeasured := sorted(set(counts) - set(measured)):
            warnings.append(f"nothing held out of {_names(unmeasured)}: their quality is not measured")
        if method in (Method.X_METRA, Method.X_METRA_ADA):
            warnings.extend(_source_warnings(set(counts), set(source.intents)))
        if method is Method.X_METRA_ADA and split.pools.shared and set(counts) & set(source.intents):
            warnings.append(
                f"fewer than {SMALLEST_SPLIT_INTENT} training examples of {_names(split.pools.shared)}: both "
                "stages draw from the same ones, and only the two sides of an episode are kept apart"
            )
        return warnings


def _source_warnings(target: set[str], source: set[str]) -> list[str]:
    """Return warnings on intents that the source lacks."""
    if not target & source:
        return [
            "the source has no examples of any of these intents, so there is nothing to meta-learn from: "
            "plain fine-tuning only"
        ]
    if unknown := sorted(target - source):
        return [
            f"the source has no examples of {_names(unknown)}: a plain fine-tuning stage comes first, "
            "and meta-train leaves these out"
        ]
    return []


def _shots(split: Split[MtodExample], meta: MetaSettings) -> tuple[int, int]:
    """Return k and q; the defaults follow from the number of intents."""
    classes = len({example.intent for example in split.train})
    return shots_per_class(meta.k_shot, classes), shots_per_class(meta.q_shot, classes)


def _names(intents: Sequence[str]) -> str:
    """Return intents as text, the first five by name."""
    shown = ", ".join(intents[:5])
    return shown if len(intents) <= 5 else f"{shown} and {len(intents) - 5} more intents"
