"""Learner of the task qa: a SpanQa with its encoder, featurizer and device."""

from collections.abc import Sequence

import torch
from torch import nn
from transformers import PreTrainedModel

from core.contracts.qa_examples import QaExample
from core.encoders.loading import Encoder
from core.tasks.batches import with_encoder_states
from core.tasks.parameters import new_parameters, pretrained_parameters
from core.tasks.qa.features import Batch, Features, Featurizer
from core.tasks.qa.model import SpanQa


class QaLearner:
    """The model that the engine trains and the predictor runs (see `core.tasks.engine.TaskLearner`).

    Args:
        encoder: Pre-trained, or with random weights that a checkpoint will replace.
        device: Torch device, such as ``cpu`` or ``cuda``.
        seed: Seed of the initial weights of the head.
    """

    def __init__(self, encoder: Encoder, *, device: str = "cpu", seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.encoder = encoder
        self.featurizer = Featurizer(encoder)
        self.device = device
        self.network = SpanQa(encoder.model).to(device)

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
        """Empty: a question has no intent."""
        return ()

    @property
    def slots(self) -> tuple[str, ...]:
        """Empty: a context has no slots."""
        return ()

    @property
    def encoder_parameters(self) -> list[nn.Parameter]:
        """The trainable pre-trained tensors of the encoder, without adapters."""
        return pretrained_parameters(self.network.encoder)

    @property
    def head_parameters(self) -> list[nn.Parameter]:
        """The trainable tensors of the head and of the encoder's adapters."""
        return new_parameters(self.network, self.network.encoder)

    def batch(self, features: Sequence[Features]) -> Batch:
        """Return windows as tensors on the device."""
        return self.featurizer.collate(features).to(self.device)

    def features(self, examples: Sequence[QaExample]) -> list[Features]:
        """Tokenise labelled questions, one window each."""
        return self.featurizer.examples(examples)

    def token_ids(self, features: Sequence[Features]) -> set[int]:
        """Return the ids of all tokens in batches of these features, padding included."""
        return {self.featurizer.padding, *(token_id for window in features for token_id in window.input_ids)}

    @torch.no_grad()
    def with_encoder_states(self, features: Sequence[Features]) -> list[Features]:
        """Return features with their encoder states cached."""
        self.model.eval()
        return with_encoder_states(features, lambda windows: self.network.states(self.batch(windows)), len)
