from collections.abc import Iterator
from itertools import groupby

import torch

from core.contracts.hyperparameters import FineTuneSettings, Hyperparameters, MetaSettings, PretrainSettings
from core.contracts.jobs import Progress
from core.tasks.engine import Episode
from core.training.finetune import fine_tune
from core.training.methods import StageData, interleaved, pre, run_stages
from core.training.planning import JOINT
from tests.core.training.toys import (
    Point,
    ToyLearner,
    points,
    recorder,
    same_state,
    silent_tracker,
    state_of,
    toy_episodes,
)

HYPERPARAMETERS = Hyperparameters(
    seed=9,
    fine_tune=FineTuneSettings(min_steps=1, epochs=1, batch_size=5, heads_lr=0.01),
    meta=MetaSettings(meta_batch_size=2, inner_steps=1),
)
STEPS = {"meta-train": 3, "meta-adapt": 2}


TARGET, SOURCE = points(10), points(30, seed=5)


def recorded(episodes: Iterator[Episode[Point]], log: list[Episode[Point]]) -> Iterator[Episode[Point]]:
    """Yield episodes, and append each to a log."""
    for episode in episodes:
        log.append(episode)
        yield episode


def data(**episodes: Iterator[Episode[Point]]) -> StageData[Point]:
    return StageData(
        TARGET, SOURCE, {name.replace("_", "-"): iterator for name, iterator in episodes.items()}
    )


def reported_steps(reports: list[Progress]) -> list[tuple[str, list[int]]]:
    """Return stage and steps of consecutive progress reports."""
    groups = groupby(reports, lambda report: report.stage)
    return [(name, [report.step for report in group]) for name, group in groups]


def test_pre_and_fine_tune_report_their_stage_names() -> None:
    reports, tracker = recorder()
    pre(ToyLearner(), points(10), PretrainSettings(epochs=1, batch_size=5), seed=1, tracker=tracker)
    run_stages(ToyLearner(), {"fine-tune": 2}, data(), HYPERPARAMETERS, tracker=tracker)
    assert reported_steps(reports) == [("pre", [0, 1, 2]), ("fine-tune", [0, 1, 2])]


def test_run_stages_fine_tunes_on_target_with_job_settings() -> None:
    by_stages, by_fine_tune = ToyLearner(), ToyLearner()
    tracker = silent_tracker("fine-tune")
    run_stages(by_stages, {"fine-tune": 2}, data(), HYPERPARAMETERS, tracker=tracker)
    fine_tune(by_fine_tune, TARGET, HYPERPARAMETERS.fine_tune, seed=9, tracker=silent_tracker("fine-tune"))
    assert same_state(state_of(by_stages.model), state_of(by_fine_tune.model))


def test_run_stages_joint_batches_are_half_source_half_target() -> None:
    learner = ToyLearner()
    run_stages(learner, {JOINT: 2}, data(), HYPERPARAMETERS, tracker=silent_tracker(JOINT))
    origins = [(sum(point in TARGET for point in batch), len(batch)) for batch in learner.batches]
    assert origins == [(5, 10), (5, 10)]
    targets = [point.x for batch in learner.batches for point in batch if point in TARGET]
    assert sorted(targets) == sorted(point.x for point in TARGET)


def test_run_stages_joint_batches_limit_source_to_size_of_small_target() -> None:
    learner = ToyLearner()
    stage_data = StageData(TARGET[:3], SOURCE, {})
    run_stages(learner, {JOINT: 1}, stage_data, HYPERPARAMETERS, tracker=silent_tracker(JOINT))
    assert [len(batch) for batch in learner.batches] == [6]


def test_run_stages_finishes_meta_train_before_meta_adapt() -> None:
    reports, tracker = recorder()
    train: list[Episode[Point]] = []
    adapt: list[Episode[Point]] = []
    stage_data = data(
        meta_train=recorded(toy_episodes(seed=1), train), meta_adapt=recorded(toy_episodes(seed=100), adapt)
    )
    run_stages(ToyLearner(), STEPS, stage_data, HYPERPARAMETERS, tracker=tracker)
    assert reported_steps(reports) == [("meta-train", [0, 1, 2, 3]), ("meta-adapt", [0, 1, 2])]
    assert (len(train), len(adapt)) == (3 * 2, 2 * 2)


def test_run_stages_meta_adapt_starts_from_meta_train_weights() -> None:
    learner = ToyLearner()
    start = state_of(learner.model)
    between: dict[str, torch.Tensor] = {}

    def adapt_episodes() -> Iterator[Episode[Point]]:
        for episode in toy_episodes(seed=100):
            between.update(between or state_of(learner.model))
            yield episode

    stage_data = data(meta_train=toy_episodes(seed=1), meta_adapt=adapt_episodes())
    run_stages(learner, STEPS, stage_data, HYPERPARAMETERS, tracker=silent_tracker(*STEPS))
    assert not same_state(start, between)
    assert not same_state(between, state_of(learner.model))


def test_interleaved_pairs_an_episode_of_each_stage() -> None:
    pair = next(interleaved(toy_episodes(seed=1), toy_episodes(seed=100)))
    first, then = next(toy_episodes(seed=1)), next(toy_episodes(seed=100))
    assert (pair.support, pair.query, pair.then) == (first.support, first.query, then)
