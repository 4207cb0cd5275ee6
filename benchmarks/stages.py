"""One step of each stage, whole and bare, for `benchmarks.speed`."""

from collections.abc import Sequence

from core.contracts.examples import MtodExample
from core.contracts.jobs import FineTuneSettings, MetaSettings
from core.encoders import load_encoder
from core.learning.meta import minibatches, outer_step
from core.learning.optimiser import OuterOptimiser
from core.learning.rows import used_rows
from core.tasks.mtod.episodes import by_intent, cross_lingual_episodes
from core.tasks.mtod.features import Batch, Features
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.learner import MtodLearner
from core.tasks.shots import shots


class Stages:
    """A learner with fixed data: every repeat does the same work.

    Args:
        encoder: ``embedded``, a hub id or a folder.
        source: English examples.
        target: Few-shot examples.
    """

    def __init__(self, *, encoder: str, source: Sequence[MtodExample], target: Sequence[MtodExample]) -> None:
        self.learner = MtodLearner(load_encoder(encoder), LabelSet.of(source))
        self.learner.model.train()
        self.source = self.learner.features(source)
        self.target = self.learner.features(target)
        pool = by_intent(target, self.target)
        shot = shots(None, len(pool))
        self.episodes = cross_lingual_episodes(
            by_intent(source, self.source), pool, k_shot=shot, q_shot=shot, seed=0
        )
        self.episode_drawn = next(self.episodes)
        self._rows = used_rows(
            self.learner.network.encoder, self.learner.token_ids([*self.source, *self.target])
        )
        self._rows.__enter__()  # for as long as the process lives
        self.optimiser = OuterOptimiser(
            self.learner, encoder_lr=1e-9, heads_lr=1e-9, steps=1_000_000, warmup=0.0
        )

    def fine_tune(self, settings: FineTuneSettings) -> None:
        """Take one step of plain training."""
        self.learner.model(self.learner.batch(self.target[: settings.batch_size])).backward()
        self.optimiser.step()

    def bare_fine_tune(self, settings: FineTuneSettings) -> None:
        """Pass the same batch through the encoder alone, forward and backward."""
        self._bare(self.target[: settings.batch_size])

    def episode(self, settings: MetaSettings) -> None:
        """Take one outer step over one episode."""
        outer_step(self.learner, [self.episode_drawn], settings)
        self.optimiser.step()

    def bare_episode(self, settings: MetaSettings) -> None:
        """Pass the same minibatches and the query through the encoder alone, forward and backward."""
        for part in minibatches(self.episode_drawn.support, settings.inner_steps):
            self._bare(part)
        self._bare(self.episode_drawn.query)

    def _bare(self, features: Sequence[Features]) -> None:
        batch: Batch = self.learner.batch(features)
        encoder = self.learner.network.encoder
        encoder(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask
        ).last_hidden_state.sum().backward()
        encoder.zero_grad(set_to_none=True)
