"""Learner of the task mtod: a JointNlu with its encoder, labels, featurizer and device."""

from collections.abc import Sequence

import torch
from torch import nn
from transformers import PreTrainedModel

from core.contracts.calibrations import PLAIN, Temperatures
from core.contracts.examples import MtodExample
from core.encoders.loading import Encoder
from core.tasks.batches import with_encoder_states
from core.tasks.mtod.features import Batch, Features, Featurizer
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.model import JointNlu
from core.tasks.parameters import new_parameters, pretrained_parameters


class MtodLearner:
    """The model that the engine trains and the predictor runs (see `core.tasks.engine.TaskLearner`).

    Args:
        encoder: Pre-trained, or with random weights that a checkpoint will replace.
        labels: The labels to predict.
        device: Torch device, such as ``cpu`` or ``cuda``.
        seed: Seed of the initial weights of the heads.
        temperatures: Divisors of the scores when confidences are computed.
    """

    def __init__(
        self,
        encoder: Encoder,
        labels: LabelSet,
        *,
        device: str = "cpu",
        seed: int = 0,
        temperatures: Temperatures = PLAIN,
    ) -> None:
        torch.manual_seed(seed)
        self.encoder = encoder
        self.labels = labels
        self.featurizer = Featurizer(encoder)
        self.device = device
        self.temperatures = temperatures
        self.network = JointNlu(encoder.model, labels, encoder.pooling).to(device)

    @property
    def model(self) -> nn.Module:
        """The network that is trained."""
        return self.network

    @property
    def body(self) -> PreTrainedModel:
        """The encoder's model inside the network."""
        return self.network.encoder

    @property
    def intents(self) -> tuple[str, ...]:
        """Intent labels in the order of the head."""
        return self.labels.intents

    @property
    def slots(self) -> tuple[str, ...]:
        """Slot types, sorted."""
        return self.labels.slots

    @property
    def encoder_parameters(self) -> list[nn.Parameter]:
        """The trainable pre-trained tensors of the encoder, without adapters."""
        return pretrained_parameters(self.network.encoder)

    @property
    def head_parameters(self) -> list[nn.Parameter]:
        """The trainable tensors of both heads, the CRF and the encoder's adapters."""
        return new_parameters(self.network, self.network.encoder)

    def batch(self, features: Sequence[Features]) -> Batch:
        """Return utterances as tensors on the device."""
        return self.featurizer.collate(features).to(self.device)

    def features(self, examples: Sequence[MtodExample]) -> list[Features]:
        """Tokenise labelled utterances with this learner's labels."""
        return self.featurizer.examples(examples, self.labels)

    def token_ids(self, features: Sequence[Features]) -> set[int]:
        """Return the ids of all tokens in batches of these features, padding included."""
        return {
            self.featurizer.padding,
            *(token_id for example in features for token_id in example.input_ids),
        }

    @torch.no_grad()
    def with_encoder_states(self, features: Sequence[Features]) -> list[Features]:
        """Return features with their encoder states cached."""
        self.model.eval()
        return with_encoder_states(
            features,
            lambda examples: self.network.states(self.batch(examples)),
            lambda example: 1 + len(example.units),
        )

    def extend_labels(self, other: LabelSet) -> None:
        """Extend the heads by the labels that the model does not have yet."""
        self.labels = self.labels.extended(other)
        self.network.extend(self.labels)
