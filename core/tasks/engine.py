"""All that the house may know of a task: an engine trains learners, a pipeline makes and measures them."""

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
        support: S, what the inner loop learns from.
        query: Q, what judges it; no example is in both.
        then: What the same fast weights learn next, where stages are interleaved.
    """

    support: tuple[FeaturesT, ...]
    query: tuple[FeaturesT, ...]
    then: "Episode[FeaturesT] | None" = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """Scores, and which examples were right as a whole.

    Attributes:
        evaluation: The scores.
        exact: For each example whether all of the answer is right.
    """

    evaluation: Evaluation
    exact: tuple[bool, ...]


class Trainable(Protocol):
    """A model with its tensors parted by how fast they may move."""

    @property
    def model(self) -> nn.Module:
        """What is trained."""

    @property
    def encoder_parameters(self) -> list[nn.Parameter]:
        """The trainable tensors that came pre-trained: small rates."""

    @property
    def head_parameters(self) -> list[nn.Parameter]:
        """The trainable tensors that began at random: larger rates."""


class Learner(Trainable, Protocol[FeaturesT_contra]):
    """A model that the engine can train.

    `model(batch)` must return the batch's mean loss, a tensor without dimensions, and read every
    trainable tensor through the module, since the inner loop puts others in their place.
    """

    def batch(self, features: Sequence[FeaturesT_contra]) -> object:
        """Return the examples as the model's input, on its device."""


class TaskLearner(Learner[FeaturesT], Protocol[ExampleT_contra, FeaturesT]):
    """A learner with all that makes it, saves it and lets it be trained on a dataset."""

    @property
    def encoder(self) -> Encoder:
        """Whose weights and tokenizer it has."""

    @property
    def body(self) -> PreTrainedModel:
        """The encoder's model, inside the learner's own."""

    @property
    def intents(self) -> tuple[str, ...]:
        """Intent labels in the order of the head; none where the task has none."""

    @property
    def slots(self) -> tuple[str, ...]:
        """Slot types, sorted; none where the task has none."""

    def features(self, examples: Sequence[ExampleT_contra]) -> list[FeaturesT]:
        """Tokenise examples, one feature each, in their order."""

    def token_ids(self, features: Sequence[FeaturesT]) -> set[int]:
        """Return every token that a batch of these can hold, padding included."""

    def with_encoder_states(self, features: Sequence[FeaturesT]) -> list[FeaturesT]:
        """Return features that know what the encoder makes of them: it is not asked again.

        For an encoder that does not learn; without its dropout.
        """


@dataclass(frozen=True, slots=True)
class EmbeddedTexts:
    """Examples as the texts by which they are compared.

    Attributes:
        texts: One each.
        vectors: Of the texts, of unit length: [examples, width].
    """

    texts: Sequence[str]
    vectors: NDArray[np.float32]


class ExampleEmbeddings(Protocol[ExampleT_contra]):
    """What examples are alike: sentence vectors, made when they are first asked for."""

    def source(self, examples: Sequence[ExampleT_contra]) -> EmbeddedTexts:
        """Return source examples with their vectors."""

    def target(self, examples: Sequence[ExampleT_contra]) -> EmbeddedTexts:
        """Return target examples with their vectors."""


@dataclass(frozen=True, slots=True)
class EpisodeSource(Generic[ExampleT, FeaturesT]):
    """What episodes are drawn from, and how.

    Attributes:
        source: Source examples.
        source_features: Their features.
        split: The target's data.
        target_features: Features of `split.train`.
        meta_train: Episode shape of meta-train's episodes.
        meta_adapt: Episode shape of meta-adapt.
        seed: Two drawings with one seed are alike.
        embeddings: For tasks whose episodes are of examples that are alike.
    """

    source: Sequence[ExampleT]
    source_features: Sequence[FeaturesT]
    split: Split[ExampleT]
    target_features: Sequence[FeaturesT]
    meta_train: EpisodeShape
    meta_adapt: EpisodeShape
    seed: int
    embeddings: ExampleEmbeddings[ExampleT]


Episodes = Iterator[Episode[FeaturesT]]


class Task(Protocol[ExampleT, FeaturesT, LearnerT]):
    """One thing that can be learnt; `core.tasks.engines` has all of them."""

    def new_learner(
        self, encoder: Encoder, examples: Sequence[ExampleT], *, device: str, seed: int
    ) -> LearnerT:
        """Return a learner with heads at random, for what the examples have."""

    def rebuilt_learner(self, encoder: Encoder, manifest: CheckpointManifest, *, device: str) -> LearnerT:
        """Return a learner of a checkpoint's shape, whose weights are yet to be loaded."""

    def extend(self, learner: LearnerT, examples: Sequence[ExampleT]) -> None:
        """Make room for what the examples have and the learner does not know."""

    def meta_train_episodes(self, source_data: EpisodeSource[ExampleT, FeaturesT]) -> Episodes[FeaturesT]:
        """Return episodes with support from the source and query from the target, without end."""

    def meta_adapt_episodes(self, source_data: EpisodeSource[ExampleT, FeaturesT]) -> Episodes[FeaturesT]:
        """Return episodes within the target, without end."""

    def measure(self, learner: LearnerT, examples: Sequence[ExampleT]) -> Measurement:
        """Answer the examples as a user's would be answered, and compare.

        Raises:
            InvalidInput: An example is longer than the model reads.
        """

    def calibrate(
        self, learner: LearnerT, held: Sequence[ExampleT], *, learnt: Sequence[ExampleT]
    ) -> Calibration | None:
        """Find what makes the learner's confidences shares of right answers, and what that is worth.

        The learner stays as it was.

        Args:
            learner: Whose; it reads all of the examples (see `measure`).
            held: What it was measured on.
            learnt: What it learnt from; none of it is used.

        Returns:
            None where the task's scores cannot be made probabilities of being right.
        """

    def read(self, learner: LearnerT, asked: Sequence[Any]) -> Sequence[Sized]:
        """Tokenise what users ask, in its order; the length of each is its tokens.

        Raises:
            InvalidInput: Something is longer than the model reads; the pointer begins with its index.
        """

    def answer(self, learner: LearnerT, read: Sequence[Any], *, top_k: int) -> list[Any]:
        """Answer what was read, in its order."""
