"""A SpanQa with all that trains and serves it: encoder, features, device."""

from collections.abc import Sequence

import torch
from torch import nn
from transformers import PreTrainedModel

from core.contracts.questions import QaExample
from core.encoders.loading import Encoder
from core.tasks.batches import with_encoder_states
from core.tasks.parameters import new_parameters, pretrained_parameters
from core.tasks.qa.features import Batch, Features, Featurizer
from core.tasks.qa.model import SpanQa


class QaLearner:
    """What the engine trains (see `core.tasks.engine.Learner`) and the predictor runs.

    Args:
        encoder: Pre-trained, or with random weights that a checkpoint will replace.
        device: Where it computes: ``cpu``, ``cuda``…
        seed: Of the head's first weights.
    """

    def __init__(self, encoder: Encoder, *, device: str = "cpu", seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.encoder = encoder
        self.featurizer = Featurizer(encoder)
        self.device = device
        self.network = SpanQa(encoder.model).to(device)

    @property
    def model(self) -> nn.Module:
        """What is trained."""
        return self.network

    @property
    def body(self) -> PreTrainedModel:
        """The encoder's model, inside the network."""
        return self.network.encoder

    @property
    def intents(self) -> tuple[str, ...]:
        """None: a question has no intent."""
        return ()

    @property
    def slots(self) -> tuple[str, ...]:
        """None: a context has no slots."""
        return ()

    @property
    def encoder_parameters(self) -> list[nn.Parameter]:
        """The encoder's tensors that learn, but for those that adapters added."""
        return pretrained_parameters(self.network.encoder)

    @property
    def head_parameters(self) -> list[nn.Parameter]:
        """The head's tensors, and the tensors that adapters added to the encoder."""
        return new_parameters(self.network, self.network.encoder)

    def batch(self, features: Sequence[Features]) -> Batch:
        """Return windows as tensors on the device."""
        return self.featurizer.collate(features).to(self.device)

    def features(self, examples: Sequence[QaExample]) -> list[Features]:
        """Tokenise answered questions, one window each."""
        return self.featurizer.examples(examples)

    def token_ids(self, features: Sequence[Features]) -> set[int]:
        """Return every token that a batch of these can hold, padding included."""
        return {self.featurizer.padding, *(number for one in features for number in one.input_ids)}

    @torch.no_grad()
    def with_encoder_states(self, features: Sequence[Features]) -> list[Features]:
        """Return features that know what the encoder makes of them."""
        self.model.eval()
        return with_encoder_states(features, lambda some: self.network.states(self.batch(some)), len)
