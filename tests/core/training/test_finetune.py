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
    """Fine-tune on points, and return the progress reports."""
    reports, tracker = recorder()
    fine_tune(learner, points(count), settings, seed=1, tracker=tracker)
    return reports


def train_tiny_bert(folder: Path, *, seed: int) -> dict[str, Tensor]:
    learner = tiny_learner(folder, english())
    learner.model.eval()
    fine_tune(
        learner, learner.features(spanish()), TINY, seed=seed, tracker=silent_tracker("pre"), stage="pre"
    )
    return state_of(learner.model)


def test_fine_tune_trains_every_tensor(bert_folder: Path) -> None:
    before = state_of(tiny_learner(bert_folder, english()).model)
    after = train_tiny_bert(bert_folder, seed=1)
    assert [name for name in before if torch.equal(before[name], after[name])] == []


def test_fine_tune_sets_training_mode() -> None:
    learner = ToyLearner()
    learner.model.eval()
    train_toy(learner, 8, TINY)
    assert set(learner.linear.modes) == {True}


def test_fine_tune_is_deterministic_for_a_seed(bert_folder: Path, one_thread: None) -> None:
    first, second, other = (train_tiny_bert(bert_folder, seed=seed) for seed in (3, 3, 4))
    assert same_state(first, second)
    assert not same_state(first, other)


def test_fine_tune_reduces_the_loss() -> None:
    settings = FineTuneSettings(min_steps=1, epochs=30, batch_size=8, encoder_lr=0.02, heads_lr=0.02)
    reports = train_toy(ToyLearner(), 32, settings)
    assert reports[-1].metrics["loss"] < 0.1 * reports[1].metrics["loss"]


@pytest.mark.parametrize("count", [3, 10, 16, 17, 40])
def test_fine_tune_uses_every_example_once_per_epoch(count: int) -> None:
    learner = ToyLearner()
    train_toy(learner, count, FineTuneSettings(min_steps=1, epochs=3, batch_size=16))
    counts = Counter(point for batch in learner.batches for point in batch)
    assert set(counts.values()) == {3}
    assert len(counts) == count


def test_fine_tune_supports_fractional_epochs() -> None:
    learner = ToyLearner()
    reports = train_toy(learner, 64, FineTuneSettings(min_steps=1, epochs=0.5, batch_size=8))
    assert len(learner.batches) == reports[-1].total_steps == 4


def test_fine_tune_takes_min_steps_on_small_datasets() -> None:
    learner = ToyLearner()
    train_toy(learner, 4, FineTuneSettings(epochs=1, batch_size=2, min_steps=7))
    assert len(learner.batches) == 7


def test_fine_tune_reports_the_loss_of_every_step() -> None:
    reports = train_toy(ToyLearner(), 40, TINY)
    assert [report.step for report in reports] == list(range(9))
    assert {(report.stage, report.total_steps) for report in reports} == {("fine-tune", 8)}
    assert all(math.isfinite(report.metrics["loss"]) for report in reports[1:])


@pytest.mark.parametrize("target", [math.nan, math.inf])
def test_fine_tune_raises_before_updating_weights_when_loss_is_not_finite(target: float) -> None:
    learner = ToyLearner()
    before = state_of(learner.model)
    with pytest.raises(TrainingDiverged, match=r"loss of step 1 is (nan|inf); try smaller learning rates"):
        fine_tune(
            learner,
            [Point((1.0, 1.0, 1.0), target)],
            TINY,
            seed=1,
            tracker=silent_tracker("fine-tune"),
        )
    assert same_state(state_of(learner.model), before)


def test_fine_tune_stops_when_monitor_raises() -> None:
    learner = ToyLearner()
    tracker = ProgressTracker(stopping_at("fine-tune", 3), {"fine-tune": 1.0})
    with pytest.raises(JobCancelled):
        fine_tune(learner, points(100), TINY, seed=1, tracker=tracker)
    assert len(learner.batches) == 3


lengths = st.lists(st.integers(1, 60), min_size=1, max_size=120)


@given(lengths, st.integers(1, 9), st.integers(0, 2**31 - 1))
def test_shuffled_batches_contain_every_example_once_per_epoch(
    sizes: list[int], batch_size: int, seed: int
) -> None:
    examples = [(index,) * size for index, size in enumerate(sizes)]
    batches = shuffled_batches(examples, batch_size, seed=seed)
    batches_per_epoch = math.ceil(len(examples) / batch_size)
    for _ in range(2):
        epoch = list(itertools.chain.from_iterable(itertools.islice(batches, batches_per_epoch)))
        assert sorted(epoch) == sorted(examples)


def test_shuffled_batches_group_similar_lengths() -> None:
    examples = ["x" * (1 + index % 50) for index in range(4 * BUCKET_BATCHES)]
    batches = itertools.islice(shuffled_batches(examples, 4, seed=1), BUCKET_BATCHES)
    padding = [max(map(len, batch)) * len(batch) - sum(map(len, batch)) for batch in batches]
    assert sum(padding) < 0.1 * sum(map(len, examples))


def test_shuffled_batches_reorder_each_epoch() -> None:
    batches = shuffled_batches(numbered_texts(40), 5, seed=2)
    first, second = (list(itertools.islice(batches, 8)) for _ in range(2))
    assert first != second


def numbered_texts(count: int) -> list[str]:
    return [f"{index:02}" for index in range(count)]
