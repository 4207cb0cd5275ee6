import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from core.contracts.hyperparameters import InnerLoop, MetaSettings
from core.contracts.jobs import Progress
from core.errors import JobCancelled, TrainingDiverged
from core.progress import ProgressTracker
from core.tasks.engine import Episode
from core.tasks.mtod.episodes import within_language_episodes
from core.tasks.mtod.learner import MtodLearner
from core.tasks.shots import SMALLEST_MINIBATCH
from core.training.inner_loop import GRADIENTS, fast_weights, inner_loop
from core.training.outer_loop import meta_stage, minibatches, outer_step
from tests.core.tiny import english, tiny_learner
from tests.core.training.toys import (
    Pair,
    Point,
    ToyLearner,
    points,
    recorder,
    same_state,
    silent_tracker,
    state_of,
    stopping_at,
    toy_episodes,
)

SETTINGS = MetaSettings(
    inner_lr=0.05, outer_lr=0.002, heads_outer_lr=0.02, inner_steps=2, meta_batch_size=3, meta_train_steps=1
)


def run_stage(
    learner: ToyLearner, settings: MetaSettings = SETTINGS, *, steps: int = 1, seed: int = 1
) -> list[Progress]:
    reports, tracker = recorder()
    episodes = toy_episodes()
    meta_stage(learner, episodes, settings, steps=steps, seed=seed, tracker=tracker, stage="meta-train")
    return reports


@pytest.mark.parametrize("inner_loop", InnerLoop)
def test_outer_step_stores_mean_gradient_without_changing_weights(
    inner_loop: InnerLoop,
) -> None:
    learner = ToyLearner(dtype=torch.float64)
    before = state_of(learner.model)
    episodes = toy_episodes()
    meta_batch = [next(episodes) for _ in range(3)]
    settings = SETTINGS.model_copy(update={"inner_loop": inner_loop})
    support_loss, query_loss = outer_step(learner, meta_batch, settings)
    separate = [
        GRADIENTS[inner_loop](
            learner.model, [learner.batch(episode.support)] * 2, learner.batch(episode.query), 0.05
        )
        for episode in meta_batch
    ]
    for name, parameter in learner.model.named_parameters():
        mean = torch.stack([result.gradients[name] for result in separate]).mean(dim=0)
        torch.testing.assert_close(parameter.grad, mean, rtol=1e-10, atol=1e-12)
    assert support_loss == pytest.approx(sum(result.support_loss for result in separate) / 3)
    assert query_loss == pytest.approx(sum(result.query_loss for result in separate) / 3)
    assert same_state(state_of(learner.model), before)


class Sums(nn.Module):
    """Uses only the sum of two parameters, so that autograd returns the same gradient tensor for both."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Parameter(torch.zeros(3))
        self.head = nn.Parameter(torch.zeros(3))

    def forward(self, batch: Pair) -> Tensor:
        x, y = batch
        return (x @ (self.encoder + self.head) - y).square().mean()


class ElementSums(Sums):
    """Uses only the sum of each parameter, so that autograd expands a single number to each gradient."""

    def forward(self, batch: Pair) -> Tensor:
        x, y = batch
        return (x.sum(1) * self.encoder.sum() * 0.5 - self.head.sum() - y).square().mean()


class SumsLearner(ToyLearner):
    def __init__(self, sums: Sums | None = None) -> None:
        super().__init__()
        self.sums = sums or Sums()

    @property
    def model(self) -> nn.Module:
        return self.sums


@pytest.mark.parametrize("episodes", [1, 3])
def test_outer_step_separates_gradients_that_share_memory(episodes: int) -> None:
    learner = SumsLearner()
    episode = next(toy_episodes())
    x, y = learner.batch(episode.query)
    with fast_weights(learner.model) as fast:
        inner_loop(learner.model, fast, [learner.batch(episode.support)] * 2, SETTINGS.inner_lr)
        residual = x @ (fast["encoder"] + fast["head"]) - y
    expected = (2 * residual @ x / len(y)).detach()
    outer_step(learner, [episode] * episodes, SETTINGS)
    torch.testing.assert_close(learner.sums.encoder.grad, expected)
    torch.testing.assert_close(learner.sums.head.grad, expected)
    assert learner.sums.encoder.grad is not learner.sums.head.grad


@pytest.mark.parametrize("episodes", [1, 3])
def test_outer_step_materialises_expanded_gradients(episodes: int) -> None:
    learner = SumsLearner(ElementSums())
    outer_step(learner, [next(toy_episodes())] * episodes, SETTINGS)
    gradient = learner.sums.head.grad
    assert gradient is not None
    before = gradient.clone()
    gradient.mul_(0.5)
    torch.testing.assert_close(gradient, before * 0.5)


def test_outer_step_rejects_an_empty_meta_batch() -> None:
    with pytest.raises(ValueError, match="at least one episode"):
        outer_step(ToyLearner(), [], SETTINGS)


def test_meta_stage_uses_outer_learning_rates() -> None:
    learner = ToyLearner()
    before = state_of(learner.model)
    run_stage(learner, SETTINGS.model_copy(update={"inner_lr": 0.2}))
    # Adam's first step moves every weight by its rate, up to the weight decay.
    for name, tensor in learner.model.state_dict().items():
        rate = SETTINGS.outer_lr if name.startswith("encoder") else SETTINGS.heads_outer_lr
        assert (tensor - before[name]).abs().max().item() == pytest.approx(rate, rel=0.02), name


def test_meta_stage_sets_training_mode() -> None:
    learner = ToyLearner()
    learner.model.eval()
    run_stage(learner)
    assert set(learner.linear.modes) == {True}


def test_meta_stage_samples_a_meta_batch_and_reports_losses_each_step() -> None:
    learner = ToyLearner()
    reports = run_stage(learner, steps=4)
    queries_and_supports = SETTINGS.meta_batch_size * (1 + SETTINGS.inner_steps)
    assert len(learner.batches) == 4 * queries_and_supports
    assert [report.step for report in reports] == [0, 1, 2, 3, 4]
    assert {report.stage for report in reports} == {"meta-train"}
    assert all(report.metrics.keys() == {"support_loss", "query_loss"} for report in reports[1:])


def test_meta_stage_reduces_the_query_loss() -> None:
    learner = ToyLearner()
    settings = SETTINGS.model_copy(update={"outer_lr": 0.02})
    reports = run_stage(learner, settings, steps=60)
    assert reports[-1].metrics["query_loss"] < 0.5 * reports[1].metrics["query_loss"]
    assert reports[-1].metrics["query_loss"] < reports[-1].metrics["support_loss"] * 1.5


@pytest.mark.parametrize("stage", ["meta-train", "meta-adapt"])
def test_meta_stage_is_deterministic_for_a_seed(stage: str, bert_folder: Path, one_thread: None) -> None:
    first, second, other = (_after_a_stage(bert_folder, stage, seed) for seed in (5, 5, 6))
    assert same_state(first, second)
    assert not same_state(first, other)


def _after_a_stage(folder: Path, stage: str, seed: int) -> dict[str, Tensor]:
    learner = tiny_learner(folder, english())
    settings = MetaSettings(inner_steps=2, meta_batch_size=2)
    meta_stage(
        learner,
        _episodes_of(learner, seed),
        settings,
        steps=2,
        seed=seed,
        tracker=silent_tracker(stage),
        stage=stage,
    )
    return state_of(learner.model)


def _episodes_of(learner: MtodLearner, seed: int) -> Iterator[Episode]:  # type: ignore[type-arg]
    features = learner.features(english())
    pool = {str(number): [example for example in features if example.intent == number] for number in range(3)}
    return within_language_episodes(pool, k_shot=2, q_shot=2, seed=seed)


def test_meta_stage_raises_before_updating_weights_when_loss_is_not_finite() -> None:
    learner = ToyLearner()
    before = state_of(learner.model)
    broken = Episode((Point((1.0, 1.0, 1.0), 1.0),), (Point((1.0, 1.0, 1.0), math.nan),))
    with pytest.raises(TrainingDiverged, match="query loss is nan"):
        meta_stage(
            learner,
            iter([broken] * 3),
            SETTINGS,
            steps=1,
            seed=1,
            tracker=silent_tracker("meta-train"),
            stage="meta-train",
        )
    assert same_state(state_of(learner.model), before)


def test_meta_stage_stops_when_monitor_raises() -> None:
    learner = ToyLearner()
    tracker = ProgressTracker(stopping_at("meta-adapt", 2), {"meta-adapt": 1.0})
    with pytest.raises(JobCancelled):
        meta_stage(learner, toy_episodes(), SETTINGS, steps=9, seed=1, tracker=tracker, stage="meta-adapt")
    assert len(learner.batches) == 2 * SETTINGS.meta_batch_size * (1 + SETTINGS.inner_steps)


@given(st.integers(1, 200), st.integers(1, 50))
def test_minibatches_cover_all_examples_and_steps(size: int, inner_steps: int) -> None:
    support = points(size)
    parts = minibatches(support, inner_steps)
    assert len(parts) == inner_steps
    assert {id(point) for part in parts for point in part} == {id(point) for point in support}
    assert min(len(part) for part in parts) >= min(size, SMALLEST_MINIBATCH)
