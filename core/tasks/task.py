"""All that the learning engine may know of a task."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from torch import nn

FeaturesT = TypeVar("FeaturesT")
FeaturesT_contra = TypeVar("FeaturesT_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Episode(Generic[FeaturesT]):
    """A pseudo-task T = (S, Q) (X-METRA-ADA, section 2.3).

    Attributes:
        support: S, what the inner loop learns from.
        query: Q, what judges it; no example is in both.
    """

    support: tuple[FeaturesT, ...]
    query: tuple[FeaturesT, ...]


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
    trainable tensor through the module, so that `functional_call` can put others in their place.
    """

    def batch(self, features: Sequence[FeaturesT_contra]) -> object:
        """Return the examples as the model's input, on its device."""
