import itertools
import math
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.contracts.hyperparameters import FineTuneSettings
from core.contracts.jobs import Progress
from core.errors import JobCancelled, TrainingDiverged
from core.progress import ProgressTracker
from core.training.finetune import BUCKET_BATCHES, fine_tune, shuffled_batches
from tests.core.tiny import english, spanish, tiny_learner
from tests.core.training.toys import (
    Point,
    ToyLearner,
    points,
    recorder,
    same_state,
    silent_tracker,
    state_of,
    stopping_at,
)

TINY = FineTuneSettings(min_steps=1, epochs=2, batch_size=10)


def train_toy(learner: ToyLearner, count: int, settings: FineTuneSettings) -> list[Progress]:
    told, tracker = recorder()
    fine_tune(learner, points(count), settings, seed=1, tracker=tracker)
    return told


def train_nlu(folder: Path, *, seed: int) -> dict[str, Tensor]:
    learner = tiny_learner(folder, english())
    learner.model.eval()
    fine_tune(
        learner, learner.features(spanish()), TINY, seed=seed, tracker=silent_tracker("pre"), stage="pre"
    )
    return state_of(learner.model)


def test_the_whole_model_is_trained_the_encoder_too(bert_folder: Path) -> None:
    before = state_of(tiny_learner(bert_folder, english()).model)
    after = train_nlu(bert_folder, seed=1)
    assert [name for name in before if torch.equal(before[name], after[name])] == []


def test_the_model_is_trained_in_training_mode_whatever_mode_it_was_in() -> None:
    learner = ToyLearner()
    learner.model.eval()
    train_toy(learner, 8, TINY)
    assert set(learner.linear.modes) == {True}


def test_two_runs_with_one_seed_are_identical(bert_folder: Path, one_thread: None) -> None:
    first, second, other = (train_nlu(bert_folder, seed=seed) for seed in (3, 3, 4))
    assert same_state(first, second)
    assert not same_state(first, other)


def test_training_brings_the_loss_down() -> None:
    settings = FineTuneSettings(min_steps=1, epochs=30, batch_size=8, encoder_lr=0.02, heads_lr=0.02)
    told = train_toy(ToyLearner(), 32, settings)
    assert told[-1].metrics["loss"] < 0.1 * told[1].metrics["loss"]


@pytest.mark.parametrize("count", [3, 10, 16, 17, 40])
def test_every_example_is_seen_once_an_epoch_however_the_last_batch_comes_out(count: int) -> None:
    learner = ToyLearner()
    train_toy(learner, count, FineTuneSettings(min_steps=1, epochs=3, batch_size=16))
    seen = Counter(one for batch in learner.batches for one in batch)
    assert set(seen.values()) == {3}
    assert len(seen) == count


def test_a_fraction_of_an_epoch_is_a_fraction_of_the_batches() -> None:
    learner = ToyLearner()
    told = train_toy(learner, 64, FineTuneSettings(min_steps=1, epochs=0.5, batch_size=8))
    assert len(learner.batches) == told[-1].total_steps == 4


def test_a_small_dataset_gets_the_steps_it_needs_whatever_its_epochs() -> None:
    learner = ToyLearner()
    train_toy(learner, 4, FineTuneSettings(epochs=1, batch_size=2, min_steps=7))
    assert len(learner.batches) == 7


def test_every_step_is_told_with_its_loss() -> None:
    told = train_toy(ToyLearner(), 40, TINY)
    assert [one.step for one in told] == list(range(9))
    assert {(one.stage, one.total_steps) for one in told} == {("fine-tune", 8)}
    assert all(math.isfinite(one.metrics["loss"]) for one in told[1:])


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_run_before_the_weights_are_touched(poison: float) -> None:
    learner = ToyLearner()
    before = state_of(learner.model)
    with pytest.raises(TrainingDiverged, match=r"loss of step 1 is (nan|inf); try smaller learning rates"):
        fine_tune(
            learner,
            [Point((1.0, 1.0, 1.0), poison)],
            TINY,
            seed=1,
            tracker=silent_tracker("fine-tune"),
        )
    assert same_state(state_of(learner.model), before)


def test_a_monitor_stops_the_run() -> None:
    learner = ToyLearner()
    tracker = ProgressTracker(stopping_at("fine-tune", 3), {"fine-tune": 1.0})
    with pytest.raises(JobCancelled):
        fine_tune(learner, points(100), TINY, seed=1, tracker=tracker)
    assert len(learner.batches) == 3


lengths = st.lists(st.integers(1, 60), min_size=1, max_size=120)


@given(lengths, st.integers(1, 9), st.integers(0, 2**31 - 1))
def test_each_epoch_holds_every_example_once(sizes: list[int], batch_size: int, seed: int) -> None:
    examples = [(index,) * size for index, size in enumerate(sizes)]
    batches = shuffled_batches(examples, batch_size, seed=seed)
    an_epoch = math.ceil(len(examples) / batch_size)
    for _ in range(2):
        seen = list(itertools.chain.from_iterable(itertools.islice(batches, an_epoch)))
        assert sorted(seen) == sorted(examples)


def test_a_batch_holds_neighbours_of_like_length() -> None:
    examples = ["x" * (1 + index % 50) for index in range(4 * BUCKET_BATCHES)]
    batches = itertools.islice(shuffled_batches(examples, 4, seed=1), BUCKET_BATCHES)
    padding = [max(map(len, batch)) * len(batch) - sum(map(len, batch)) for batch in batches]
    assert sum(padding) < 0.1 * sum(map(len, examples))


def test_each_epoch_has_an_order_of_its_own() -> None:
    batches = shuffled_batches(range_of_texts(40), 5, seed=2)
    first, second = (list(itertools.islice(batches, 8)) for _ in range(2))
    assert first != second


def range_of_texts(count: int) -> list[str]:
    return [f"{index:02}" for index in range(count)]
