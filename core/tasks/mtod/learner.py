"""A JointNlu with all that trains and serves it: encoder, labels, features, device."""

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
    """What the engine trains (see `core.tasks.engine.TaskLearner`) and the predictor runs.

    Args:
        encoder: Pre-trained, or with random weights that a checkpoint will replace.
        labels: What can be answered.
        device: Where it computes: ``cpu``, ``cuda``…
        seed: Of the heads' first weights.
        temperatures: What scores are divided by where confidences are told.
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
        """What is trained."""
        return self.network

    @property
    def body(self) -> PreTrainedModel:
        """The encoder's model."""
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
        """The encoder's tensors that learn, but for those that adapters added."""
        return pretrained_parameters(self.network.encoder)

    @property
    def head_parameters(self) -> list[nn.Parameter]:
        """Both heads and the CRF, and the tensors that adapters added to the encoder."""
        return new_parameters(self.network, self.network.encoder)

    def batch(self, features: Sequence[Features]) -> Batch:
        """Return utterances as tensors on the device."""
        return self.featurizer.collate(features).to(self.device)

    def features(self, examples: Sequence[MtodExample]) -> list[Features]:
        """Tokenise labelled utterances with this learner's labels."""
        return self.featurizer.examples(examples, self.labels)

    def token_ids(self, features: Sequence[Features]) -> set[int]:
        """Return every token that a batch of these can hold, padding included."""
        return {self.featurizer.padding, *(number for one in features for number in one.input_ids)}

    @torch.no_grad()
    def with_encoder_states(self, features: Sequence[Features]) -> list[Features]:
        """Return features that know what the encoder makes of them."""
        self.model.eval()
        return with_encoder_states(
            features, lambda some: self.network.states(self.batch(some)), lambda one: 1 + len(one.units)
        )

    def extend_labels(self, other: LabelSet) -> None:
        """Make room for labels the model does not have yet."""
        self.labels = self.labels.extended(other)
        self.network.extend(self.labels)
