"""Data splits and episode shapes of few-shot data. Torch-free, so that the API can plan adaptations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from core.contracts.examples import DatasetManifest
from core.contracts.hyperparameters import MetaSettings
from core.contracts.values import Method

ExampleT = TypeVar("ExampleT")

FORWARD_SHARE = 1 / 3
"""Cost of predicting an example, relative to training on it: a forward pass without a backward pass."""


@dataclass(frozen=True, slots=True)
class Pools:
    """Indices of the few-shot examples that each meta stage samples from.

    Attributes:
        meta_train: For the query sets of meta-train.
        meta_adapt: For the support and query sets of meta-adapt.
        shared: Classes too small to be divided: their examples are in both pools, and only the support and
            query sets of one episode are disjoint.
    """

    meta_train: tuple[int, ...]
    meta_adapt: tuple[int, ...]
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Split(Generic[ExampleT]):
    """Few-shot data, split for one adaptation.

    Attributes:
        train: Training examples.
        evaluation: Held-out examples.
        pools: Indices into `train` for the two meta stages.
    """

    train: tuple[ExampleT, ...]
    evaluation: tuple[ExampleT, ...]
    pools: Pools


@dataclass(frozen=True, slots=True)
class EpisodeShape:
    """Shape of the episodes of one stage.

    Attributes:
        examples: Number of target examples that queries are sampled from.
        support: Mean size of a support set.
        query: Mean size of a query set.
        k_shot: Support shots per class, at most.
        q_shot: Query shots per class, at most.
    """

    examples: int
    support: float
    query: float
    k_shot: int
    q_shot: int


class DataSplitter(Protocol[ExampleT]):
    """Splits the data of one task, and plans its episodes."""

    def split(
        self,
        examples: Sequence[ExampleT],
        evaluation: Sequence[ExampleT] | None,
        *,
        fraction: float,
        seed: int,
    ) -> Split[ExampleT]:
        """Split few-shot data into training and held-out examples.

        Args:
            examples: The few-shot data.
            evaluation: Held-out examples, or None to hold out `fraction` of the few-shot data.
            fraction: Share that is held out if `evaluation` is None.
            seed: Equal seeds give equal splits.

        Raises:
            InvalidInput: Nothing can be held out, or too few training examples are left.
        """

    def source_pool(self, source: Sequence[ExampleT]) -> tuple[ExampleT, ...]:
        """Return the source examples that episodes are sampled from."""

    def supported(self, split: Split[ExampleT], source: DatasetManifest) -> int:
        """Return the number of training examples whose class occurs in the source.

        With none, the plan is plain fine-tuning; with some but not all, plain fine-tuning comes before the
        meta stages.
        """

    def meta_train(self, split: Split[ExampleT], source: DatasetManifest, meta: MetaSettings) -> EpisodeShape:
        """Return the shape of meta-train's episodes: support from the source, query from the target."""

    def meta_adapt(self, split: Split[ExampleT], meta: MetaSettings) -> EpisodeShape:
        """Return the shape of meta-adapt's episodes, within the target."""

    def preparation(self, split: Split[ExampleT], source: DatasetManifest) -> Mapping[str, float]:
        """Return the stages before episodes: stage → cost in training passes over one example."""

    def warnings(self, split: Split[ExampleT], source: DatasetManifest, method: Method) -> list[str]:
        """Return warnings about the data, one sentence each, for people."""
