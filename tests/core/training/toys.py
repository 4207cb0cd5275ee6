"""The smallest things that can be learnt: a two-layer linear model of a few numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.contracts.jobs import Progress
from core.errors import JobCancelled
from core.progress import Monitor, ProgressTracker
from core.tasks.engine import Episode


@dataclass(frozen=True)
class Point:
    """An example: what goes in, and what should come out."""

    x: tuple[float, ...]
    y: float

    def __len__(self) -> int:
        return len(self.x)


Pair = tuple[Tensor, Tensor]
"""Inputs [batch, 3] and outputs [batch]."""


class LinearModel(nn.Module):
    """An "encoder" and a "head"; the loss is the mean squared error."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(3, 4)
        self.head = nn.Linear(4, 1)
        self.modes: list[bool] = []

    def forward(self, batch: Pair) -> Tensor:
        x, y = batch
        self.modes.append(self.training)
        predicted: Tensor = self.head(self.encoder(x)).squeeze(1)
        return (predicted - y).square().mean()


class ToyLearner:
    """Learns points; remembers every batch it was asked for."""

    def __init__(self, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> None:
        torch.manual_seed(seed)
        self.linear = LinearModel().to(dtype)
        self.batches: list[list[Point]] = []
        self._dtype = dtype

    @property
    def model(self) -> nn.Module:
        return self.linear

    @property
    def encoder_parameters(self) -> list[nn.Parameter]:
        return list(self.linear.encoder.parameters())

    @property
    def head_parameters(self) -> list[nn.Parameter]:
        return list(self.linear.head.parameters())

    def batch(self, features: Sequence[Point]) -> Pair:
        self.batches.append(list(features))
        x = torch.tensor([one.x for one in features], dtype=self._dtype)
        y = torch.tensor([one.y for one in features], dtype=self._dtype)
        return x, y


def points(count: int, *, seed: int = 0, slope: float = 1.0) -> list[Point]:
    """Points of a plane whose steepness is the slope."""
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 3, generator=draw).tolist()
    return [Point(tuple(x), slope * sum(x)) for x in inputs]


def toy_episodes(*, seed: int = 0, size: int = 6) -> Iterator[Episode[Point]]:
    """Yield pseudo-tasks: planes of one slope each."""
    while True:
        both = points(2 * size, seed=seed, slope=1.0 + seed % 3)
        yield Episode(tuple(both[:size]), tuple(both[size:]))
        seed += 1


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of every tensor of a model, by name."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def same_state(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Tell whether two models are equal to the last bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def silent_tracker(*stages: str) -> ProgressTracker:
    """Return a tracker of stages of equal cost that tells nobody."""
    return ProgressTracker(lambda _: None, dict.fromkeys(stages, 1.0))


def recorder() -> tuple[list[Progress], ProgressTracker]:
    """Return what is told, and a tracker of every stage that tells it."""
    told: list[Progress] = []
    stages = ("pre", "fine-tune", "meta-train", "meta-adapt", "stage")
    return told, ProgressTracker(told.append, dict.fromkeys(stages, 1.0))


def stopping_at(stage: str, step: int) -> Monitor:
    """Return a monitor that cancels the work at a step of a stage."""

    def monitor(progress: Progress) -> None:
        if (progress.stage, progress.step) == (stage, step):
            raise JobCancelled

    return monitor
