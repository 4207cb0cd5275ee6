"""Data splits of the task qa: by context, with warnings."""

from collections.abc import Mapping, Sequence
from typing import Final

from core.contracts.examples import DatasetManifest
from core.contracts.hyperparameters import MetaSettings
from core.contracts.qa_examples import QaExample
from core.contracts.values import Method
from core.errors import Fault, InvalidInput
from core.tasks.data_split import FORWARD_SHARE, EpisodeShape, Split
from core.tasks.holdout import train_evaluation_split
from core.tasks.qa.shots import cross_lingual_sizes, within_language_sizes
from core.tasks.qa.splits import SMALLEST_SPLIT, adaptation_pools, hold_out

SOURCE_POOL: Final = 4_000
"""Source questions that neighbours are searched among: TyDiQA's English train, or a share of SQuAD's."""

SHOTS: Final = 6
"""Default number of triplets in a support or query set (the paper's)."""

EMBED_SOURCE: Final = "embed source"
EMBED_TARGET: Final = "embed target"


class QaDataSplitter:
    """Episodes are made of similar questions (X-METRA-ADA, section 2.3.2)."""

    def split(
        self,
        examples: Sequence[QaExample],
        evaluation: Sequence[QaExample] | None,
        *,
        fraction: float,
        seed: int,
    ) -> Split[QaExample]:
        """Split few-shot data by context (see `DataSplitter.split`)."""
        train, held_out = train_evaluation_split(
            examples, evaluation, lambda: hold_out([example.context for example in examples], fraction)
        )
        faults = []
        if not held_out:
            faults.append(
                Fault(
                    "/examples",
                    "all questions are on one context, so none can be held out to measure the result; "
                    "send `evaluation` examples or questions on more contexts",
                )
            )
        different = len({(example.question, example.context, example.answers[0]) for example in train})
        if different < 2:
            detail = f"{different} question is too little to learn from: send 2 or more different ones"
            faults.append(Fault("/examples", detail))
        if faults:
            raise InvalidInput(faults)
        return Split(train, held_out, adaptation_pools(len(train), seed=seed))

    def source_pool(self, source: Sequence[QaExample]) -> tuple[QaExample, ...]:
        """Return `SOURCE_POOL` questions, evenly spaced over the dataset."""
        step = max(1.0, len(source) / SOURCE_POOL)
        return tuple(source[int(index * step)] for index in range(min(len(source), SOURCE_POOL)))

    def supported(self, split: Split[QaExample], source: DatasetManifest) -> int:  # noqa: ARG002
        """Return the number of all training examples: a question always has neighbours."""
        return len(split.train)

    def meta_train(
        self, split: Split[QaExample], source: DatasetManifest, meta: MetaSettings
    ) -> EpisodeShape:
        """Return the shape of meta-train's episodes: target questions and their neighbours in the source."""
        pool = len(split.pools.meta_train)
        k_shot, q_shot = cross_lingual_sizes(
            source.examples, pool, meta.k_shot or SHOTS, meta.q_shot or SHOTS
        )
        return EpisodeShape(pool, float(k_shot), float(q_shot), k_shot, q_shot)

    def meta_adapt(self, split: Split[QaExample], meta: MetaSettings) -> EpisodeShape:
        """Return the shape of meta-adapt's episodes: questions and their neighbours among the others."""
        pool = len(split.pools.meta_adapt)
        k_shot, q_shot = within_language_sizes(pool, meta.k_shot or SHOTS, meta.q_shot or SHOTS)
        return EpisodeShape(pool, float(k_shot), float(q_shot), k_shot, q_shot)

    def preparation(self, split: Split[QaExample], source: DatasetManifest) -> Mapping[str, float]:
        """Return the stages that embed source and target questions, to find neighbours."""
        return {
            EMBED_SOURCE: FORWARD_SHARE * min(source.examples, SOURCE_POOL) + 1,
            EMBED_TARGET: FORWARD_SHARE * len(split.train) + 1,
        }

    def warnings(self, split: Split[QaExample], source: DatasetManifest, method: Method) -> list[str]:  # noqa: ARG002
        """Warn of contexts in training and evaluation, and of small pools."""
        warnings = []
        if repeated := {example.context for example in split.train} & {
            example.context for example in split.evaluation
        }:
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
