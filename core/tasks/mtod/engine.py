"""Intents and slots as the house sees them."""

from collections.abc import Sequence

from core.contracts.calibrations import Calibration
from core.contracts.examples import MtodExample
from core.contracts.reports import CheckpointManifest
from core.encoders.loading import Encoder
from core.tasks.engine import Episodes, EpisodeSource, Measurement
from core.tasks.mtod.calibration import calibrate
from core.tasks.mtod.decoding import Answer, answer
from core.tasks.mtod.episodes import by_intent, cross_lingual_episodes, within_language_episodes
from core.tasks.mtod.features import Features
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.learner import MtodLearner
from core.tasks.mtod.metrics import evaluate_predictions


class MtodTask:
    """See `core.tasks.engine.Task`."""

    def new_learner(
        self, encoder: Encoder, examples: Sequence[MtodExample], *, device: str, seed: int
    ) -> MtodLearner:
        """Return a learner of the examples' labels."""
        return MtodLearner(encoder, LabelSet.of(examples), device=device, seed=seed)

    def rebuilt_learner(self, encoder: Encoder, manifest: CheckpointManifest, *, device: str) -> MtodLearner:
        """Return a learner of the manifest's labels, as sure of them as its temperatures say."""
        labels = LabelSet(manifest.intents, manifest.slots)
        return MtodLearner(encoder, labels, device=device, temperatures=manifest.temperatures)

    def extend(self, learner: MtodLearner, examples: Sequence[MtodExample]) -> None:
        """Add the examples' labels."""
        learner.extend_labels(LabelSet.of(examples))

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
        """Answer the texts; the examples' own tokens are not used, because no user sends any."""
        answers = self.answer(learner, self.read(learner, [one.text for one in examples]), top_k=1)
        predicted = [(one.intents[0].name, one.spans) for one in answers]
        exact = tuple(
            (intent, set(spans)) == (one.intent, set(one.slots))
            for one, (intent, spans) in zip(examples, predicted, strict=True)
        )
        return Measurement(evaluate_predictions(examples, predicted), exact)

    def calibrate(
        self, learner: MtodLearner, held: Sequence[MtodExample], *, learnt: Sequence[MtodExample]
    ) -> Calibration:
        """Fit a temperature of intents and one of slots."""
        return calibrate(learner, held, learnt=learnt)

    def read(self, learner: MtodLearner, asked: Sequence[str]) -> list[Features]:
        """Tokenise texts."""
        return learner.featurizer.texts(asked)

    def answer(self, learner: MtodLearner, read: Sequence[Features], *, top_k: int) -> list[Answer]:
        """Answer texts with `top_k` ranked intents each."""
        return answer(learner, read, top_k=top_k)


def _pool(
    source_data: EpisodeSource[MtodExample, Features], indices: Sequence[int]
) -> dict[str, list[Features]]:
    return by_intent(
        [source_data.split.train[index] for index in indices],
        [source_data.target_features[index] for index in indices],
    )
