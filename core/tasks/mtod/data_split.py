"""Few-shot data by intent: what is held out, who draws what, and what a person should know of it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from core.contracts.examples import DatasetManifest, MtodExample
from core.contracts.hyperparameters import MetaSettings
from core.contracts.values import Method
from core.errors import Fault, InvalidInput
from core.tasks.data_split import EpisodeShape, Split
from core.tasks.holdout import part
from core.tasks.mtod.splits import (
    SMALLEST_HELD_OUT_INTENT,
    SMALLEST_SPLIT_INTENT,
    adaptation_pools,
    hold_out,
)
from core.tasks.shots import presence, shots, side_sizes

SOURCE_POOL = 500
"""Source examples an intent that episodes draw from: tokenising tens of thousands more buys nothing."""


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
        """Part few-shot data, by intent (see `DataSplitter.split`)."""
        train, held = part(
            examples,
            evaluation,
            lambda: hold_out([one.text for one in examples], [one.intent for one in examples], fraction),
        )
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
            detail = f"{len(train)} example is too little to learn from: send 2 or more"
            faults.append(Fault("/examples", detail))
        if faults:
            raise InvalidInput(faults)
        return Split(train, held, adaptation_pools([one.intent for one in train], seed=seed))

    def source_pool(self, source: Sequence[MtodExample]) -> tuple[MtodExample, ...]:
        """Keep the first `SOURCE_POOL` distinct examples of each intent, in the dataset's order."""
        kept: dict[str, dict[str, MtodExample]] = defaultdict(dict)
        for example in source:
            if len(kept[example.intent]) < SOURCE_POOL:
                kept[example.intent].setdefault(example.text, example)
        return tuple(example for group in kept.values() for example in group.values())

    def supported(self, split: Split[MtodExample], source: DatasetManifest) -> int:
        """Count the training examples whose intent the source has."""
        return sum(one.intent in source.intents for one in split.train)

    def meta_train(
        self, split: Split[MtodExample], source: DatasetManifest, meta: MetaSettings
    ) -> EpisodeShape:
        """Return meta-train's episodes: of the intents that source and target share."""
        pool = Counter(split.train[index].intent for index in split.pools.meta_train)
        shared = {intent: count for intent, count in pool.items() if intent in source.intents}
        chances = presence(shared)
        k_shot, q_shot = _shots(split, meta)
        return EpisodeShape(
            examples=sum(shared.values()),
            support=sum(chances[intent] * min(k_shot, source.intents[intent]) for intent in shared),
            query=sum(chances[intent] * min(q_shot, count) for intent, count in shared.items()),
            k_shot=k_shot,
            q_shot=q_shot,
        )

    def meta_adapt(self, split: Split[MtodExample], meta: MetaSettings) -> EpisodeShape:
        """Return meta-adapt's episodes: both sides from the smaller pool."""
        pool = Counter(split.train[index].intent for index in split.pools.meta_adapt)
        chances = presence(pool)
        k_shot, q_shot = _shots(split, meta)
        sides = {intent: side_sizes(count, k_shot, q_shot) for intent, count in pool.items()}
        return EpisodeShape(
            examples=sum(pool.values()),
            support=sum(chances[intent] * k for intent, (k, _) in sides.items()),
            query=sum(chances[intent] * q for intent, (_, q) in sides.items()),
            k_shot=k_shot,
            q_shot=q_shot,
        )

    def preparation(self, split: Split[MtodExample], source: DatasetManifest) -> Mapping[str, float]:  # noqa: ARG002
        """Need nothing: intents say what belongs together."""
        return {}

    def warnings(self, split: Split[MtodExample], source: DatasetManifest, method: Method) -> list[str]:
        """Tell of texts on both sides, and of intents that are missing, new, small or not measured."""
        counts = Counter(one.intent for one in split.train)
        measured = Counter(one.intent for one in split.evaluation)
        warnings = []
        if repeated := {one.text for one in split.train} & {one.text for one in split.evaluation}:
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
    """Tell what the source's intents mean for meta-learning."""
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
    """Settle what was left open: the shots follow from the number of intents."""
    classes = len({one.intent for one in split.train})
    return shots(meta.k_shot, classes), shots(meta.q_shot, classes)


def _names(intents: Sequence[str]) -> str:
    """List intents, the first few by name."""
    shown = ", ".join(intents[:5])
    return shown if len(intents) <= 5 else f"{shown} and {len(intents) - 5} more intents"
