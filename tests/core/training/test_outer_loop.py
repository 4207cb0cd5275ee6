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
    told, tracker = recorder()
    episodes = toy_episodes()
    meta_stage(learner, episodes, settings, steps=steps, seed=seed, tracker=tracker, stage="meta-train")
    return told


@pytest.mark.parametrize("inner_loop", InnerLoop)
def test_an_outer_step_leaves_the_mean_of_the_episodes_gradients_and_the_weights_alone(
    inner_loop: InnerLoop,
) -> None:
    learner = ToyLearner(dtype=torch.float64)
    before = state_of(learner.model)
    draw = toy_episodes()
    meta_batch = [next(draw) for _ in range(3)]
    settings = SETTINGS.model_copy(update={"inner_loop": inner_loop})
    support_loss, query_loss = outer_step(learner, meta_batch, settings)
    alone = [
        GRADIENTS[inner_loop](learner.model, [learner.batch(one.support)] * 2, learner.batch(one.query), 0.05)
        for one in meta_batch
    ]
    for name, parameter in learner.model.named_parameters():
        mean = torch.stack([one.gradients[name] for one in alone]).mean(dim=0)
        torch.testing.assert_close(parameter.grad, mean, rtol=1e-10, atol=1e-12)
    assert support_loss == pytest.approx(sum(one.support_loss for one in alone) / 3)
    assert query_loss == pytest.approx(sum(one.query_loss for one in alone) / 3)
    assert same_state(state_of(learner.model), before)


class Sums(nn.Module):
    """Two tensors that are only ever added: autograd gives both the very same gradient tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Parameter(torch.zeros(3))
        self.head = nn.Parameter(torch.zeros(3))

    def forward(self, batch: Pair) -> Tensor:
        x, y = batch
        return (x @ (self.encoder + self.head) - y).square().mean()


class Spread(Sums):
    """Only the sums of both tensors count: autograd spreads one number over each gradient."""

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
def test_tensors_that_share_a_gradient_are_not_given_it_twice(episodes: int) -> None:
    learner = SumsLearner()
    episode = next(toy_episodes())
    x, y = learner.batch(episode.query)
    with fast_weights(learner.model) as fast:
        inner_loop(learner.model, fast, [learner.batch(episode.support)] * 2, SETTINGS.inner_lr)
        away = x @ (fast["encoder"] + fast["head"]) - y
    expected = (2 * away @ x / len(y)).detach()
    outer_step(learner, [episode] * episodes, SETTINGS)
    torch.testing.assert_close(learner.sums.encoder.grad, expected)
    torch.testing.assert_close(learner.sums.head.grad, expected)
    assert learner.sums.encoder.grad is not learner.sums.head.grad


@pytest.mark.parametrize("episodes", [1, 3])
def test_a_gradient_that_is_one_number_spread_over_a_tensor_can_be_changed_in_place(episodes: int) -> None:
    learner = SumsLearner(Spread())
    outer_step(learner, [next(toy_episodes())] * episodes, SETTINGS)
    found = learner.sums.head.grad
    assert found is not None
    before = found.clone()
    found.mul_(0.5)
    torch.testing.assert_close(found, before * 0.5)


def test_a_meta_batch_without_episodes_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one episode"):
        outer_step(ToyLearner(), [], SETTINGS)


def test_the_outer_optimiser_steps_with_the_outer_rates_whatever_the_inner_one() -> None:
    learner = ToyLearner()
    before = state_of(learner.model)
    run_stage(learner, SETTINGS.model_copy(update={"inner_lr": 0.2}))
    # Adam's first step moves every weight by its rate, up to the weight decay.
    for name, tensor in learner.model.state_dict().items():
        rate = SETTINGS.outer_lr if name.startswith("encoder") else SETTINGS.heads_outer_lr
        assert (tensor - before[name]).abs().max().item() == pytest.approx(rate, rel=0.02), name


def test_both_loops_see_the_model_as_training_does() -> None:
    learner = ToyLearner()
    learner.model.eval()
    run_stage(learner)
    assert set(learner.linear.modes) == {True}


def test_each_outer_step_draws_a_meta_batch_and_tells_its_losses() -> None:
    learner = ToyLearner()
    told = run_stage(learner, steps=4)
    queries_and_supports = SETTINGS.meta_batch_size * (1 + SETTINGS.inner_steps)
    assert len(learner.batches) == 4 * queries_and_supports
    assert [one.step for one in told] == [0, 1, 2, 3, 4]
    assert {one.stage for one in told} == {"meta-train"}
    assert all(one.metrics.keys() == {"support_loss", "query_loss"} for one in told[1:])


def test_what_is_learnt_is_to_adapt_well() -> None:
    learner = ToyLearner()
    settings = SETTINGS.model_copy(update={"outer_lr": 0.02})
    told = run_stage(learner, settings, steps=60)
    assert told[-1].metrics["query_loss"] < 0.5 * told[1].metrics["query_loss"]
    assert told[-1].metrics["query_loss"] < told[-1].metrics["support_loss"] * 1.5


@pytest.mark.parametrize("stage", ["meta-train", "meta-adapt"])
def test_two_stages_with_one_seed_are_identical(stage: str, bert_folder: Path, one_thread: None) -> None:
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
    pool = {str(number): [one for one in features if one.intent == number] for number in range(3)}
    return within_language_episodes(pool, k_shot=2, q_shot=2, seed=seed)


def test_a_loss_that_is_no_number_ends_the_stage_before_the_weights_are_touched() -> None:
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


def test_a_monitor_stops_the_stage() -> None:
    learner = ToyLearner()
    tracker = ProgressTracker(stopping_at("meta-adapt", 2), {"meta-adapt": 1.0})
    with pytest.raises(JobCancelled):
        meta_stage(learner, toy_episodes(), SETTINGS, steps=9, seed=1, tracker=tracker, stage="meta-adapt")
    assert len(learner.batches) == 2 * SETTINGS.meta_batch_size * (1 + SETTINGS.inner_steps)


@given(st.integers(1, 200), st.integers(1, 50))
def test_every_inner_step_sees_examples_and_every_example_is_seen(size: int, inner_steps: int) -> None:
    support = points(size)
    parts = minibatches(support, inner_steps)
    assert len(parts) == inner_steps
    assert {id(one) for part in parts for one in part} == {id(one) for one in support}
    assert min(len(part) for part in parts) >= min(size, SMALLEST_MINIBATCH)
