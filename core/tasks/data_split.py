"""What a task makes of few-shot data before anything is learnt. Torch-free, so that the api can plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from core.contracts.examples import DatasetManifest
from core.contracts.hyperparameters import MetaSettings
from core.contracts.values import Method

ExampleT = TypeVar("ExampleT")

FORWARD_SHARE = 1 / 3
"""Cost of answering an example, of that of training on it: a forward pass without a backward one."""


@dataclass(frozen=True, slots=True)
class Pools:
    """Indices of the few-shot examples that each stage may draw.

    Attributes:
        meta_train: For query sets of meta-train.
        meta_adapt: For both sides of meta-adapt.
        shared: Classes too small to be cut: their examples are in both pools, and only the two sides
            of one episode are kept apart.
    """

    meta_train: tuple[int, ...]
    meta_adapt: tuple[int, ...]
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Split(Generic[ExampleT]):
    """Few-shot data parted for one adaptation.

    Attributes:
        train: Examples to learn from.
        evaluation: Held-out examples.
        pools: Indices into `train` for the two meta stages.
    """

    train: tuple[ExampleT, ...]
    evaluation: tuple[ExampleT, ...]
    pools: Pools


@dataclass(frozen=True, slots=True)
class EpisodeShape:
    """The episodes of one stage.

    Attributes:
        examples: Target examples that queries are drawn from.
        support: Examples on the support side, on average.
        query: Examples on the query side, on average.
        k_shot: Support shots, at most.
        q_shot: Query shots, at most.
    """

    examples: int
    support: float
    query: float
    k_shot: int
    q_shot: int


class DataSplitter(Protocol[ExampleT]):
    """How one task parts its data and draws its episodes."""

    def split(
        self,
        examples: Sequence[ExampleT],
        evaluation: Sequence[ExampleT] | None,
        *,
        fraction: float,
        seed: int,
    ) -> Split[ExampleT]:
        """Part few-shot data into what is learnt from and what is held out.

        Args:
            examples: The few-shot data.
            evaluation: Held-out examples, or None to take `fraction` of the few-shot data.
            fraction: Share held out where no evaluation is given.
            seed: Two calls with one seed part alike.

        Raises:
            InvalidInput: Nothing can be held out, or too little is left to learn from.
        """

    def source_pool(self, source: Sequence[ExampleT]) -> tuple[ExampleT, ...]:
        """Return the source examples that episodes draw from."""

    def supported(self, split: Split[ExampleT], source: DatasetManifest) -> int:
        """Return how many training examples are of a kind that the source has, too.

        Without any there is nothing to meta-learn from; with some, a plain start comes first.
        """

    def meta_train(self, split: Split[ExampleT], source: DatasetManifest, meta: MetaSettings) -> EpisodeShape:
        """Return the episodes with support from the source and query from the target."""

    def meta_adapt(self, split: Split[ExampleT], meta: MetaSettings) -> EpisodeShape:
        """Return the episodes within the target."""

    def preparation(self, split: Split[ExampleT], source: DatasetManifest) -> Mapping[str, float]:
        """Return what must be done before episodes can be drawn: stage → training passes over one example."""

    def warnings(self, split: Split[ExampleT], source: DatasetManifest, method: Method) -> list[str]:
        """Tell everything about the data that a person should know before waiting for the result."""
