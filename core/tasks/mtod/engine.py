"""The engine of the task mtod: trains, measures and runs models of intents and slots."""

from collections.abc import Sequence

from core.contracts.calibrations import Calibration
from core.contracts.examples import MtodExample
from core.contracts.reports import CheckpointManifest
from core.contracts.task_options import LabelOptions
from core.encoders.loading import Encoder
from core.progress import ProgressTracker
from core.store.vectors import Vectors
from core.tasks.engine import Episodes, EpisodeSource, Measurement
from core.tasks.mtod.calibration import calibrate
from core.tasks.mtod.decoding import MtodAnswer, answer
from core.tasks.mtod.episodes import by_intent, cross_lingual_episodes, within_language_episodes
from core.tasks.mtod.features import Features
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.learner import MtodLearner
from core.tasks.mtod.metrics import evaluate_predictions


class MtodEngine:
    """See `core.tasks.engine.TaskEngine`."""

    def new_learner(
        self, encoder: Encoder, examples: Sequence[MtodExample], *, device: str, seed: int
    ) -> MtodLearner:
        """Return a learner of the examples' labels."""
        return MtodLearner(encoder, LabelSet.of(examples), device=device, seed=seed)

    def rebuilt_learner(self, encoder: Encoder, manifest: CheckpointManifest, *, device: str) -> MtodLearner:
        """Return a learner of the manifest's labels and temperatures."""
        labels = LabelSet(manifest.intents, manifest.slots)
        return MtodLearner(encoder, labels, device=device, temperatures=manifest.temperatures)

    def prepare(self, learner: MtodLearner, examples: Sequence[MtodExample], options: LabelOptions) -> None:
        """Add the examples' labels to the heads if the options say so."""
        if options.extend_labels:
            learner.extend_labels(LabelSet.of(examples))

    def example_embeddings(
        self,
        options: LabelOptions,
        *,
        vectors: Vectors,
        device: str,
        tracker: ProgressTracker,
    ) -> None:
        """Compare nothing: episodes are drawn by intent."""

    def meta_train_episodes(self, source_data: EpisodeSource[MtodExample, Features]) -> Episodes[Features]:
        """Draw by intent, support from the source."""
        return cross_lingual_episodes(
            by_intent(source_data.source, source_data.source_features),
            _pool(source_data, source_data.split.pools.meta_train),
            k_shot=source_data.meta_train.k_shot,
            q_shot=source_data.meta_train.q_shot,
            seed=source_data.seed,
        )

    def meta_adapt_episodes(self, source_data: EpisodeSource[MtodExample, Features]) -> Episodes[Features]:
        """Draw by intent, both sides from the target."""
        return within_language_episodes(
            _pool(source_data, source_data.split.pools.meta_adapt),
            k_shot=source_data.meta_adapt.k_shot,
            q_shot=source_data.meta_adapt.q_shot,
            seed=source_data.seed + 1,
        )

    def measure(self, learner: MtodLearner, examples: Sequence[MtodExample]) -> Measurement:
        """Predict the texts; the examples' own tokens are ignored, for requests have none."""
        answers = self.answer(learner, self.read(learner, [example.text for example in examples]), top_k=1)
        predicted = [(answer.intents[0].name, answer.spans) for answer in answers]
        exact = tuple(
            (intent, set(spans)) == (example.intent, set(example.slots))
            for example, (intent, spans) in zip(examples, predicted, strict=True)
        )
        return Measurement(evaluate_predictions(examples, predicted), exact)

    def calibrate(
        self, learner: MtodLearner, evaluation: Sequence[MtodExample], *, training: Sequence[MtodExample]
    ) -> Calibration:
        """Fit a temperature of intents and one of slots."""
        return calibrate(learner, evaluation, training=training)

    def read(self, learner: MtodLearner, inputs: Sequence[str]) -> list[Features]:
        """Tokenise texts."""
        return learner.featurizer.texts(inputs)

    def answer(self, learner: MtodLearner, features: Sequence[Features], *, top_k: int) -> list[MtodAnswer]:
        """Answer texts with `top_k` ranked intents each."""
        return answer(learner, features, top_k=top_k)


def _pool(
    source_data: EpisodeSource[MtodExample, Features], indices: Sequence[int]
) -> dict[str, list[Features]]:
    return by_intent(
        [source_data.split.train[index] for index in indices],
        [source_data.target_features[index] for index in indices],
    )
