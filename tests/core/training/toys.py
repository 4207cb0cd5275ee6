"""Test doubles for training: a two-layer linear model, its learner, points and episodes."""

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
    """An example of a regression task: input and output."""

    x: tuple[float, ...]
    y: float

    def __len__(self) -> int:
        return len(self.x)


Pair = tuple[Tensor, Tensor]
"""Inputs [batch, 3] and outputs [batch]."""


class LinearModel(nn.Module):
    """A linear encoder and a linear head; the loss is the mean squared error."""

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
    """A learner of points that records its batches."""

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
        x = torch.tensor([point.x for point in features], dtype=self._dtype)
        y = torch.tensor([point.y for point in features], dtype=self._dtype)
        return x, y


def points(count: int, *, seed: int = 0, slope: float = 1.0) -> list[Point]:
    """Return points of a plane with a slope."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 3, generator=generator).tolist()
    return [Point(tuple(x), slope * sum(x)) for x in inputs]


def toy_episodes(*, seed: int = 0, size: int = 6) -> Iterator[Episode[Point]]:
    """Yield episodes whose points are on a plane with a slope per episode."""
    while True:
        episode_points = points(2 * size, seed=seed, slope=1.0 + seed % 3)
        yield Episode(tuple(episode_points[:size]), tuple(episode_points[size:]))
        seed += 1


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of every tensor of a model, by name."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def same_state(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Return whether two model states are bitwise equal."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def silent_tracker(*stages: str) -> ProgressTracker:
    """Return a tracker of stages of equal cost that discards its reports."""
    return ProgressTracker(lambda _: None, dict.fromkeys(stages, 1.0))


def recorder() -> tuple[list[Progress], ProgressTracker]:
    """Return a list that receives progress reports, and a tracker of every stage that appends to it."""
    reports: list[Progress] = []
    stages = ("pre", "fine-tune", "meta-train", "meta-adapt", "stage")
    return reports, ProgressTracker(reports.append, dict.fromkeys(stages, 1.0))


def stopping_at(stage: str, step: int) -> Monitor:
    """Return a monitor that cancels the job at a step of a stage."""

    def monitor(progress: Progress) -> None:
        if (progress.stage, progress.step) == (stage, step):
            raise JobCancelled

    return monitor
