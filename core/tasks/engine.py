"""Protocols between the training code and a task: learners, episodes, measurements and the task's engine."""

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import nn
from transformers import PreTrainedModel

from core.contracts.calibrations import Calibration
from core.contracts.evaluations import Evaluation
from core.contracts.reports import CheckpointManifest
from core.encoders.loading import Encoder
from core.progress import ProgressTracker
from core.store.vectors import Vectors
from core.tasks.data_split import EpisodeShape, Split

ExampleT = TypeVar("ExampleT")
ExampleT_contra = TypeVar("ExampleT_contra", contravariant=True)
FeaturesT = TypeVar("FeaturesT")
FeaturesT_contra = TypeVar("FeaturesT_contra", contravariant=True)
LearnerT = TypeVar("LearnerT")


@dataclass(frozen=True, slots=True)
class Episode(Generic[FeaturesT]):
    """A pseudo-task T = (S, Q) (X-METRA-ADA, section 2.3).

    Attributes:
        support: S, the examples that the inner loop trains on.
        query: Q, the examples of the outer loss; S and Q are disjoint.
        then: The episode that the same fast weights take next in the interleaved schedule; None in the other.
    """

    support: tuple[FeaturesT, ...]
    query: tuple[FeaturesT, ...]
    then: "Episode[FeaturesT] | None" = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """Scores on held-out examples.

    Attributes:
        evaluation: The scores.
        exact: For each example, whether the whole prediction is right.
    """

    evaluation: Evaluation
    exact: tuple[bool, ...]


class Trainable(Protocol):
    """A model whose tensors are divided into two groups with a learning rate each."""

    @property
    def model(self) -> nn.Module:
        """The module that is trained."""

    @property
    def encoder_parameters(self) -> list[nn.Parameter]:
        """Pre-trained tensors that are trained, at a small rate."""

    @property
    def head_parameters(self) -> list[nn.Parameter]:
        """Randomly initialised tensors that are trained, at a larger rate."""


class Learner(Trainable, Protocol[FeaturesT_contra]):
    """A model that the training loops can train.

    `model(batch)` returns the mean loss of the batch, a tensor of shape [], and reads every trainable tensor
    through the module, because the inner loop substitutes fast weights for them.
    """

    def batch(self, features: Sequence[FeaturesT_contra]) -> object:
        """Return features as the model's input, on its device."""


class TaskLearner(Learner[FeaturesT], Protocol[ExampleT_contra, FeaturesT]):
    """A learner that a checkpoint can be made of, and that featurises the examples of its task."""

    @property
    def encoder(self) -> Encoder:
        """The encoder with its tokenizer."""

    @property
    def body(self) -> PreTrainedModel:
        """The encoder's module, a part of `model`."""

    @property
    def intents(self) -> tuple[str, ...]:
        """Intent labels in the order of the head; empty if the task has none."""

    @property
    def slots(self) -> tuple[str, ...]:
        """Slot types, sorted; empty if the task has none."""

    def features(self, examples: Sequence[ExampleT_contra]) -> list[FeaturesT]:
        """Tokenise examples; one element each, in their order."""

    def token_ids(self, features: Sequence[FeaturesT]) -> set[int]:
        """Return the ids of all tokens that a batch of the features can hold, padding included."""

    def with_encoder_states(self, features: Sequence[FeaturesT]) -> list[FeaturesT]:
        """Return features with cached encoder states, so that the encoder is not run again.

        For a frozen encoder; its dropout is off.
        """


@dataclass(frozen=True, slots=True)
class EmbeddedTexts:
    """Texts of examples, with sentence vectors.

    Attributes:
        texts: One text an example.
        vectors: Sentence vectors of unit length, [examples, width].
    """

    texts: Sequence[str]
    vectors: NDArray[np.float32]


class ExampleEmbeddings(Protocol[ExampleT_contra]):
    """Sentence vectors of examples, computed on first use."""

    def source(self, examples: Sequence[ExampleT_contra]) -> EmbeddedTexts:
        """Return source examples with their vectors."""

    def target(self, examples: Sequence[ExampleT_contra]) -> EmbeddedTexts:
        """Return target examples with their vectors."""


@dataclass(frozen=True, slots=True)
class EpisodeSource(Generic[ExampleT, FeaturesT]):
    """The data that episodes are sampled from.

    Attributes:
        source: Source examples.
        source_features: Features of `source`.
        split: The target's data.
        target_features: Features of `split.train`.
        meta_train: Episode shape of meta-train.
        meta_adapt: Episode shape of meta-adapt.
        seed: Seed of the sampling; equal seeds give equal episodes.
        embeddings: Sentence vectors, for tasks whose episodes are made of similar examples; else None.
    """

    source: Sequence[ExampleT]
    source_features: Sequence[FeaturesT]
    split: Split[ExampleT]
    target_features: Sequence[FeaturesT]
    meta_train: EpisodeShape
    meta_adapt: EpisodeShape
    seed: int
    embeddings: ExampleEmbeddings[ExampleT] | None


Episodes = Iterator[Episode[FeaturesT]]


class TaskEngine(Protocol[ExampleT, FeaturesT, LearnerT]):
    """Trains, measures and runs the models of one task; `core.tasks.engines` imports it when needed."""

    def new_learner(
        self, encoder: Encoder, examples: Sequence[ExampleT], *, device: str, seed: int
    ) -> LearnerT:
        """Return a learner with random heads for the labels of the examples."""

    def rebuilt_learner(self, encoder: Encoder, manifest: CheckpointManifest, *, device: str) -> LearnerT:
        """Return a learner of the shape of a checkpoint, before its weights are loaded."""

    def prepare(self, learner: LearnerT, examples: Sequence[ExampleT], options: Any) -> None:  # noqa: ANN401
        """Fit a learner of the base to the training examples before it is trained on them.

        Args:
            learner: Holds the weights of the base; changed in place.
            examples: Training examples.
            options: The job's options, of the class that the task's `TaskSpec` names.
        """

    def example_embeddings(
        self,
        options: Any,  # noqa: ANN401
        *,
        vectors: Vectors,
        device: str,
        tracker: ProgressTracker,
    ) -> ExampleEmbeddings[ExampleT] | None:
        """Return what compares examples when episodes are drawn, or None if the task draws them by label.

        Args:
            options: The job's options, of the class that the task's `TaskSpec` names.
            vectors: Stored sentence vectors.
            device: The torch device that new vectors are computed on.
            tracker: Receives the progress of that.
        """

    def meta_train_episodes(self, source_data: EpisodeSource[ExampleT, FeaturesT]) -> Episodes[FeaturesT]:
        """Yield episodes with support from the source and query from the target, endlessly."""

    def meta_adapt_episodes(self, source_data: EpisodeSource[ExampleT, FeaturesT]) -> Episodes[FeaturesT]:
        """Yield episodes within the target, endlessly."""

    def measure(self, learner: LearnerT, examples: Sequence[ExampleT]) -> Measurement:
        """Predict the examples as requests would be predicted, and score the predictions.

        Raises:
            InvalidInput: An example is longer than the model reads.
        """

    def calibrate(
        self, learner: LearnerT, evaluation: Sequence[ExampleT], *, training: Sequence[ExampleT]
    ) -> Calibration | None:
        """Fit temperatures for the learner's confidences, and measure their calibration errors.

        The learner is not changed.

        Args:
            learner: A learner that `measure` accepts the examples of.
            evaluation: The held-out examples that it was measured on.
            training: The examples that it was trained on; none of them is used.

        Returns:
            None if the task's scores cannot be made probabilities of being right.
        """

    def read(self, learner: LearnerT, inputs: Sequence[Any]) -> Sequence[Sized]:
        """Tokenise the inputs of predictions, in their order; the length of each is its number of tokens.

        Raises:
            InvalidInput: An input is longer than the model reads; the pointer begins with its index.
        """

    def answer(self, learner: LearnerT, features: Sequence[Any], *, top_k: int) -> list[Any]:
        """Answer what `read` returned, in its order."""
