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


def counted(episodes: Iterator[Episode[Point]], drawn: list[Episode[Point]]) -> Iterator[Episode[Point]]:
    for episode in episodes:
        drawn.append(episode)
        yield episode


def data(**episodes: Iterator[Episode[Point]]) -> StageData[Point]:
    return StageData(TARGET, SOURCE, {name.replace("_", "-"): drawn for name, drawn in episodes.items()})


def steps_told(told: list[Progress]) -> list[tuple[str, list[int]]]:
    return [(name, [one.step for one in group]) for name, group in groupby(told, lambda one: one.stage)]


def test_pre_and_ft_are_plain_training_under_their_own_names() -> None:
    told, tracker = recorder()
    pre(ToyLearner(), points(10), PretrainSettings(epochs=1, batch_size=5), seed=1, tracker=tracker)
    run_stages(ToyLearner(), {"fine-tune": 2}, data(), HYPERPARAMETERS, tracker=tracker)
    assert steps_told(told) == [("pre", [0, 1, 2]), ("fine-tune", [0, 1, 2])]


def test_ft_trains_on_the_target_alone_with_the_seed_and_settings_of_the_job() -> None:
    by_recipe, by_hand = ToyLearner(), ToyLearner()
    tracker = silent_tracker("fine-tune")
    run_stages(by_recipe, {"fine-tune": 2}, data(), HYPERPARAMETERS, tracker=tracker)
    fine_tune(by_hand, TARGET, HYPERPARAMETERS.fine_tune, seed=9, tracker=silent_tracker("fine-tune"))
    assert same_state(state_of(by_recipe.model), state_of(by_hand.model))


def test_joint_training_gives_source_and_target_equal_weight_in_every_batch() -> None:
    learner = ToyLearner()
    run_stages(learner, {JOINT: 2}, data(), HYPERPARAMETERS, tracker=silent_tracker(JOINT))
    origins = [(sum(one in TARGET for one in batch), len(batch)) for batch in learner.batches]
    assert origins == [(5, 10), (5, 10)]
    assert sorted(one.x for batch in learner.batches for one in batch if one in TARGET) == sorted(
        one.x for one in TARGET
    )


def test_a_target_smaller_than_a_batch_gets_no_more_of_the_source_than_it_has() -> None:
    learner = ToyLearner()
    few = StageData(TARGET[:3], SOURCE, {})
    run_stages(learner, {JOINT: 1}, few, HYPERPARAMETERS, tracker=silent_tracker(JOINT))
    assert [len(batch) for batch in learner.batches] == [6]


def test_meta_train_is_over_before_meta_adapt_begins() -> None:
    told, tracker = recorder()
    train: list[Episode[Point]] = []
    adapt: list[Episode[Point]] = []
    drawn = data(
        meta_train=counted(toy_episodes(seed=1), train), meta_adapt=counted(toy_episodes(seed=100), adapt)
    )
    run_stages(ToyLearner(), STEPS, drawn, HYPERPARAMETERS, tracker=tracker)
    assert steps_told(told) == [("meta-train", [0, 1, 2, 3]), ("meta-adapt", [0, 1, 2])]
    assert (len(train), len(adapt)) == (3 * 2, 2 * 2)


def test_meta_adapt_goes_on_from_what_meta_train_made() -> None:
    learner = ToyLearner()
    start = state_of(learner.model)
    between: dict[str, torch.Tensor] = {}

    def noting() -> Iterator[Episode[Point]]:
        for episode in toy_episodes(seed=100):
            between.update(between or state_of(learner.model))
            yield episode

    drawn = data(meta_train=toy_episodes(seed=1), meta_adapt=noting())
    run_stages(learner, STEPS, drawn, HYPERPARAMETERS, tracker=silent_tracker(*STEPS))
    assert not same_state(start, between)
    assert not same_state(between, state_of(learner.model))


def test_interleaved_episodes_are_pairs_of_one_of_each_stage() -> None:
    pair = next(interleaved(toy_episodes(seed=1), toy_episodes(seed=100)))
    first, then = next(toy_episodes(seed=1)), next(toy_episodes(seed=100))
    assert (pair.support, pair.query, pair.then) == (first.support, first.query, then)
