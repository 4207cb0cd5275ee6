"""The engine of the task qa: trains, measures and runs models of extractive answers."""

from collections.abc import Sequence

from core.contracts.qa_examples import QaExample
from core.contracts.reports import CheckpointManifest
from core.contracts.task_options import NeighbourOptions
from core.encoders.loading import Encoder
from core.progress import ProgressTracker
from core.store.vectors import Vectors
from core.tasks.engine import Episodes, EpisodeSource, ExampleEmbeddings, Measurement
from core.tasks.qa.decoding import QaAnswer, answer
from core.tasks.qa.embedding_cache import EmbeddingCache
from core.tasks.qa.episodes import TripletPool, cross_lingual_episodes, within_language_episodes
from core.tasks.qa.features import Features, QuestionLike, TokenizedQuestion
from core.tasks.qa.learner import QaLearner
from core.tasks.qa.metrics import best_texts, evaluate_answers


class QaEngine:
    """See `core.tasks.engine.TaskEngine`."""

    def new_learner(
        self,
        encoder: Encoder,
        examples: Sequence[QaExample],  # noqa: ARG002 - answers have no labels
        *,
        device: str,
        seed: int,
    ) -> QaLearner:
        """Return a learner with a random head."""
        return QaLearner(encoder, device=device, seed=seed)

    def rebuilt_learner(
        self,
        encoder: Encoder,
        manifest: CheckpointManifest,  # noqa: ARG002 - every head is of one shape
        *,
        device: str,
    ) -> QaLearner:
        """Return a learner before its weights are loaded."""
        return QaLearner(encoder, device=device)

    def prepare(self, learner: QaLearner, examples: Sequence[QaExample], options: NeighbourOptions) -> None:
        """Do nothing: there are no labels to add."""

    def example_embeddings(
        self, options: NeighbourOptions, *, vectors: Vectors, device: str, tracker: ProgressTracker
    ) -> EmbeddingCache:
        """Compare triplets by the sentence encoder of the options."""
        return EmbeddingCache(options.similarity, vectors=vectors, device=device, tracker=tracker)

    def meta_train_episodes(self, source_data: EpisodeSource[QaExample, Features]) -> Episodes[Features]:
        """Draw questions of the target and their neighbours in the source."""
        embedded = _embeddings(source_data).source(source_data.source)
        return cross_lingual_episodes(
            TripletPool(source_data.source_features, embedded.texts, embedded.vectors),
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
        evaluation: Sequence[QaExample],
        *,
        training: Sequence[QaExample],
    ) -> None:
        """Do nothing: a score is a share of its context (see docs/explanation/confidence.md)."""

    def read(self, learner: QaLearner, inputs: Sequence[QuestionLike]) -> list[TokenizedQuestion]:
        """Tokenise questions, and contexts of any length."""
        return learner.featurizer.questions(inputs)

    def answer(
        self, learner: QaLearner, features: Sequence[TokenizedQuestion], *, top_k: int
    ) -> list[QaAnswer]:
        """Answer questions with `top_k` ranked answers each."""
        return answer(learner, features, top_k=top_k)


def _target(source_data: EpisodeSource[QaExample, Features], rows: Sequence[int]) -> TripletPool[Features]:
    """Return some of the target's triplets."""
    embedded = _embeddings(source_data).target(source_data.split.train)
    return TripletPool(source_data.target_features, embedded.texts, embedded.vectors).rows(rows)


def _embeddings(source_data: EpisodeSource[QaExample, Features]) -> ExampleEmbeddings[QaExample]:
    assert source_data.embeddings is not None, (
        "episodes of questions need the embeddings of `example_embeddings`"
    )
    return source_data.embeddings
