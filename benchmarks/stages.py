"""Training steps of each stage, and their bare encoder passes, for `benchmarks.speed`."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch.nn import functional
from transformers import BertConfig, BertModel

from core.contracts.examples import MtodExample
from core.contracts.hyperparameters import FineTuneSettings, InnerLoop, MetaSettings
from core.contracts.values import Trainable
from core.encoders.loading import Encoder, assemble_encoder, load_encoder
from core.tasks.engine import Episode
from core.tasks.mtod.episodes import by_intent, cross_lingual_episodes
from core.tasks.mtod.features import Batch, Features
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.learner import MtodLearner
from core.tasks.shots import shots_per_class
from core.training.adapters import set_trainable
from core.training.optimiser import OuterOptimiser
from core.training.outer_loop import minibatches, outer_step
from core.training.sparse_embeddings import restricted_embeddings

MBERT_SHAPE = "mbert-shape"


def encoder_of(name: str) -> Encoder:
    """Return ``embedded``, an encoder of the hub or a folder, or a random one with the shape of M-BERT.

    The last is BERT-base (12 layers, 768 wide) with the tokenizer of the embedded encoder: the duration of a
    step does not depend on the weights, and no download is needed.
    """
    if name != MBERT_SHAPE:
        return load_encoder(name)
    tokenizer = load_encoder("embedded").tokenizer
    config = BertConfig(vocab_size=len(tokenizer), attention_probs_dropout_prob=0.0)
    return assemble_encoder(name, BertModel(config, add_pooling_layer=False), tokenizer)


class Stages:
    """A learner with fixed data, so that every repeat does the same work.

    Args:
        encoder: The encoder, which is changed in place.
        source: English examples.
        target: Few-shot examples.
        trainable: The tensors to train.
    """

    def __init__(
        self,
        *,
        encoder: Encoder,
        source: Sequence[MtodExample],
        target: Sequence[MtodExample],
        trainable: Trainable = Trainable.ALL,
    ) -> None:
        self.learner = MtodLearner(encoder, LabelSet.of(source))
        set_trainable(self.learner.body, trainable, seed=0)
        features = {"source": self.learner.features(source), "target": self.learner.features(target)}
        if trainable is Trainable.HEADS:
            features = {
                name: self.learner.with_encoder_states(examples) for name, examples in features.items()
            }
        self.learner.model.train()
        self.target = features["target"]
        self.everything = [*features["source"], *features["target"]]
        pool = by_intent(target, features["target"])
        shot = shots_per_class(None, len(pool))
        self.sampled_episode: Episode[Features] = next(
            cross_lingual_episodes(
                by_intent(source, features["source"]), pool, k_shot=shot, q_shot=shot, seed=0
            )
        )
        # Stored as an attribute, because a context manager exits when it is garbage collected.
        self._embeddings = restricted_embeddings(self.learner.body, self.learner.token_ids(self.everything))
        self._embeddings.__enter__()
        self.optimiser = OuterOptimiser(
            self.learner, encoder_lr=1e-9, heads_lr=1e-9, steps=1_000_000, warmup=0.0
        )

    def fine_tune(self, settings: FineTuneSettings) -> None:
        """Take a step of fine-tuning."""
        self.learner.model(self.learner.batch(self.target[: settings.batch_size])).backward()
        self.optimiser.step()

    def bare_fine_tune(self, settings: FineTuneSettings) -> None:
        """Run forward and backward passes of the encoder alone on the same batch."""
        self._bare(self.target[: settings.batch_size])

    def episode(self, settings: MetaSettings) -> None:
        """Take an outer step on an episode."""
        outer_step(self.learner, [self.sampled_episode], settings)
        self.optimiser.step()

    def bare_episode(self, settings: MetaSettings) -> None:
        """Run forward and backward passes of the encoder alone on the same minibatches and query."""
        for part in minibatches(self.sampled_episode.support, settings.inner_steps):
            self._bare(part)
        self._bare(self.sampled_episode.query)

    def _bare(self, features: Sequence[Features]) -> None:
        batch: Batch = self.learner.batch(features)
        encoder = self.learner.network.encoder
        encoder(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask
        ).last_hidden_state.sum().backward()
        encoder.zero_grad(set_to_none=True)


def released_episode(stages: Stages, settings: MetaSettings) -> Callable[[], None]:
    """Return an outer step on the same episode as in the paper's released code.

    It uses learn2learn's clones, pads every text to the longest one of all data, has no attention mask, and
    materialises attention.
    """
    learner = _PaddingLearner(stages.learner, longest=max(len(features) for features in stages.everything))
    stages.learner.body.set_attn_implementation("eager")
    as_released = settings.model_copy(update={"inner_loop": InnerLoop.LEARN2LEARN})

    def step() -> None:
        outer_step(learner, [stages.sampled_episode], as_released)
        stages.optimiser.step()

    return step


class _PaddingLearner:
    """A learner whose batches are padded to a fixed length."""

    def __init__(self, learner: MtodLearner, *, longest: int) -> None:
        self._learner = learner
        self._longest = longest
        self.model = learner.model
        self.encoder_parameters = learner.encoder_parameters
        self.head_parameters = learner.head_parameters

    def batch(self, features: Sequence[Features]) -> Batch:
        """Return a padded batch without a mask."""
        batch = self._learner.batch(features)
        missing = self._longest - batch.input_ids.shape[1]
        ids = functional.pad(batch.input_ids, (0, missing), value=self._learner.featurizer.padding)
        return replace(batch, input_ids=ids, attention_mask=torch.ones_like(ids))
