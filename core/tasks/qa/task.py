"""Questions and answers as the house sees them."""

from collections.abc import Sequence

from core.contracts.questions import QaExample
from core.contracts.reports import CheckpointManifest
from core.encoders import Encoder
from core.tasks.qa.decoding import QaAnswer, answer
from core.tasks.qa.episodes import TripletPool, cross_lingual_episodes, within_language_episodes
from core.tasks.qa.features import Asked, Features
from core.tasks.qa.learner import QaLearner
from core.tasks.qa.metrics import best_texts, evaluate_answers
from core.tasks.task import Drawing, Episodes, Measurement


class QaTask:
    """See `core.tasks.task.Task`."""

    def new_learner(
        self,
        encoder: Encoder,
        examples: Sequence[QaExample],  # noqa: ARG002 - answers have no labels
        *,
        device: str,
        seed: int,
    ) -> QaLearner:
        """Return a learner with a head at random."""
        return QaLearner(encoder, device=device, seed=seed)

    def rebuilt_learner(
        self,
        encoder: Encoder,
        manifest: CheckpointManifest,  # noqa: ARG002 - every head is of one shape
        *,
        device: str,
    ) -> QaLearner:
        """Return a learner whose weights are yet to be loaded."""
        return QaLearner(encoder, device=device)

    def extend(self, learner: QaLearner, examples: Sequence[QaExample]) -> None:
        """Do nothing: there are no labels to add."""

    def episodes(
        self, drawing: Drawing[QaExample, Features]
    ) -> tuple[Episodes[Features], Episodes[Features]]:
        """Draw questions and their neighbours."""
        split, likeness = drawing.split, drawing.likeness
        found = likeness.source(drawing.source)
        source = TripletPool(drawing.source_features, found.texts, found.vectors)
        found = likeness.target(split.train)
        target = TripletPool(drawing.target_features, found.texts, found.vectors)
        meta_train = cross_lingual_episodes(
            source,
            target.rows(split.pools.meta_train),
            k_shot=drawing.meta_train.k_shot,
            q_shot=drawing.meta_train.q_shot,
            seed=drawing.seed,
        )
        meta_adapt = within_language_episodes(
            target.rows(split.pools.meta_adapt),
            k_shot=drawing.meta_adapt.k_shot,
            q_shot=drawing.meta_adapt.q_shot,
            seed=drawing.seed + 1,
        )
        return meta_train, meta_adapt

    def measure(self, learner: QaLearner, examples: Sequence[QaExample]) -> Measurement:
        """Answer the questions and keep the likeliest answer of each."""
        scores = evaluate_answers(examples, best_texts(self.answer(learner, examples, top_k=1)))
        return Measurement(scores.evaluation, scores.exact)

    def answer(self, learner: QaLearner, asked: Sequence[Asked], *, top_k: int) -> list[QaAnswer]:
        """Answer questions with `top_k` ranked answers each.

        Args:
            learner: Whose.
            asked: Of any length.
            top_k: Answers to rank.
        """
        return answer(learner, learner.featurizer.questions(asked), top_k=top_k)
