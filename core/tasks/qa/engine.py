"""Questions and answers as the house sees them."""

from collections.abc import Sequence

from core.contracts.questions import QaExample
from core.contracts.reports import CheckpointManifest
from core.encoders.loading import Encoder
from core.tasks.engine import Episodes, EpisodeSource, Measurement
from core.tasks.qa.decoding import QaAnswer, answer
from core.tasks.qa.episodes import TripletPool, cross_lingual_episodes, within_language_episodes
from core.tasks.qa.features import Asked, Features, Reading
from core.tasks.qa.learner import QaLearner
from core.tasks.qa.metrics import best_texts, evaluate_answers


class QaTask:
    """See `core.tasks.engine.Task`."""

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

    def meta_train_episodes(self, source_data: EpisodeSource[QaExample, Features]) -> Episodes[Features]:
        """Draw questions of the target and their neighbours in the source."""
        found = source_data.embeddings.source(source_data.source)
        return cross_lingual_episodes(
            TripletPool(source_data.source_features, found.texts, found.vectors),
            _target(source_data, source_data.split.pools.meta_train),
            k_shot=source_data.meta_train.k_shot,
            q_shot=source_data.meta_train.q_shot,
            seed=source_data.seed,
        )

    def meta_adapt_episodes(self, source_data: EpisodeSource[QaExample, Features]) -> Episodes[Features]:
        """Draw questions of the target and their neighbours among the others."""
        return within_language_episodes(
            _target(source_data, source_data.split.pools.meta_adapt),
            k_shot=source_data.meta_adapt.k_shot,
            q_shot=source_data.meta_adapt.q_shot,
            seed=source_data.seed + 1,
        )

    def measure(self, learner: QaLearner, examples: Sequence[QaExample]) -> Measurement:
        """Answer the questions and keep the likeliest answer of each."""
        scores = evaluate_answers(
            examples, best_texts(self.answer(learner, self.read(learner, examples), top_k=1))
        )
        return Measurement(scores.evaluation, scores.exact)

    def calibrate(
        self,
        learner: QaLearner,
        held: Sequence[QaExample],
        *,
        learnt: Sequence[QaExample],
    ) -> None:
        """Do nothing: a score is a share of its context (see docs/explanation/confidence.md)."""

    def read(self, learner: QaLearner, asked: Sequence[Asked]) -> list[Reading]:
        """Tokenise questions, and contexts of any length."""
        return learner.featurizer.questions(asked)

    def answer(self, learner: QaLearner, read: Sequence[Reading], *, top_k: int) -> list[QaAnswer]:
        """Answer questions with `top_k` ranked answers each."""
        return answer(learner, read, top_k=top_k)


def _target(source_data: EpisodeSource[QaExample, Features], rows: Sequence[int]) -> TripletPool[Features]:
    """Return some of the target's triplets."""
    found = source_data.embeddings.target(source_data.split.train)
    return TripletPool(source_data.target_features, found.texts, found.vectors).rows(rows)
