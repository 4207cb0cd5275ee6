"""Few-shot questions: what is held out, who draws what, and what a person should know of it."""

from collections.abc import Mapping, Sequence
from typing import Final

from core.contracts.examples import DatasetManifest
from core.contracts.hyperparameters import MetaSettings
from core.contracts.questions import QaExample
from core.contracts.values import Method
from core.errors import Fault, InvalidInput
from core.tasks.data_split import FORWARD_SHARE, EpisodeShape, Split
from core.tasks.holdout import part
from core.tasks.qa.shots import cross_lingual_sides, sides
from core.tasks.qa.splits import SMALLEST_SPLIT, adaptation_pools, hold_out

SOURCE_POOL: Final = 4_000
"""Source questions that episodes find neighbours among: TyDiQA's English train, or a share of SQuAD's."""

SHOTS: Final = 6
"""Triplets on each side of an episode where nobody says how many (the paper's)."""

EMBED_SOURCE: Final = "embed source"
EMBED_TARGET: Final = "embed target"


class QaDataSplitter:
    """Episodes are of questions that are alike (X-METRA-ADA, section 2.3.2)."""

    def split(
        self,
        examples: Sequence[QaExample],
        evaluation: Sequence[QaExample] | None,
        *,
        fraction: float,
        seed: int,
    ) -> Split[QaExample]:
        """Part few-shot data, by context (see `DataSplitter.split`)."""
        train, held = part(
            examples, evaluation, lambda: hold_out([one.context for one in examples], fraction)
        )
        faults = []
        if not held:
            faults.append(
                Fault(
                    "/examples",
                    "all questions are on one context, so none can be held out to measure the result; "
                    "send `evaluation` examples or questions on more contexts",
                )
            )
        different = len({(one.question, one.context, one.answers[0]) for one in train})
        if different < 2:
            detail = f"{different} question is too little to learn from: send 2 or more different ones"
            faults.append(Fault("/examples", detail))
        if faults:
            raise InvalidInput(faults)
        return Split(train, held, adaptation_pools(len(train), seed=seed))

    def source_pool(self, source: Sequence[QaExample]) -> tuple[QaExample, ...]:
        """Keep `SOURCE_POOL` questions, from all over the dataset."""
        step = max(1.0, len(source) / SOURCE_POOL)
        return tuple(source[int(index * step)] for index in range(min(len(source), SOURCE_POOL)))

    def supported(self, split: Split[QaExample], source: DatasetManifest) -> int:  # noqa: ARG002
        """Count all: a question always has neighbours."""
        return len(split.train)

    def meta_train(
        self, split: Split[QaExample], source: DatasetManifest, meta: MetaSettings
    ) -> EpisodeShape:
        """Return meta-train's episodes: target questions and their neighbours in the source."""
        pool = len(split.pools.meta_train)
        k_shot, q_shot = cross_lingual_sides(
            source.examples, pool, meta.k_shot or SHOTS, meta.q_shot or SHOTS
        )
        return EpisodeShape(pool, float(k_shot), float(q_shot), k_shot, q_shot)

    def meta_adapt(self, split: Split[QaExample], meta: MetaSettings) -> EpisodeShape:
        """Return meta-adapt's episodes: target questions and their neighbours among the others."""
        pool = len(split.pools.meta_adapt)
        k_shot, q_shot = sides(pool, meta.k_shot or SHOTS, meta.q_shot or SHOTS)
        return EpisodeShape(pool, float(k_shot), float(q_shot), k_shot, q_shot)

    def preparation(self, split: Split[QaExample], source: DatasetManifest) -> Mapping[str, float]:
        """Embed both sides' questions, which finds their neighbours."""
        return {
            EMBED_SOURCE: FORWARD_SHARE * min(source.examples, SOURCE_POOL) + 1,
            EMBED_TARGET: FORWARD_SHARE * len(split.train) + 1,
        }

    def warnings(self, split: Split[QaExample], source: DatasetManifest, method: Method) -> list[str]:  # noqa: ARG002
        """Tell of contexts on both sides, and of pools that are small."""
        warnings = []
        if repeated := {one.context for one in split.train} & {one.context for one in split.evaluation}:
            warnings.append(
                f"{len(repeated)} of the evaluation's contexts are among the training examples too: "
                "scores flatter"
            )
        if method is Method.X_METRA_ADA and split.pools.shared:
            warnings.append(
                f"fewer than {SMALLEST_SPLIT} training questions: both stages draw from the same ones, and "
                "only the two sides of an episode are kept apart"
            )
        return warnings
