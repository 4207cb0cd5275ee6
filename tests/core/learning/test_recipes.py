from collections.abc import Iterator
from itertools import groupby

import torch

from core.contracts.jobs import FineTuneSettings, Hyperparameters, MetaSettings, PretrainSettings
from core.learning.finetune import fine_tune
from core.learning.recipes import ft, pre, x_metra_ada
from core.tasks.task import Episode
from tests.core.learning.toys import (
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


def counted(episodes: Iterator[Episode[Point]], drawn: list[Episode[Point]]) -> Iterator[Episode[Point]]:
    for episode in episodes:
        drawn.append(episode)
        yield episode


def test_pre_and_ft_are_plain_training_under_their_own_names() -> None:
    told, tracker = recorder()
    pre(ToyLearner(), points(10), PretrainSettings(epochs=1, batch_size=5), seed=1, tracker=tracker)
    ft(ToyLearner(), points(10), HYPERPARAMETERS, tracker=tracker)
    stages = {name: [one.step for one in group] for name, group in groupby(told, lambda one: one.stage)}
    assert stages == {"pre": [0, 1, 2], "fine-tune": [0, 1, 2]}


def test_ft_trains_with_the_seed_and_settings_of_the_job() -> None:
    by_recipe, by_hand = ToyLearner(), ToyLearner()
    ft(by_recipe, points(10), HYPERPARAMETERS, tracker=silent_tracker("fine-tune"))
    fine_tune(by_hand, points(10), HYPERPARAMETERS.fine_tune, seed=9, tracker=silent_tracker("fine-tune"))
    assert same_state(state_of(by_recipe.model), state_of(by_hand.model))


def test_meta_train_is_over_before_meta_adapt_begins() -> None:
    told, tracker = recorder()
    train: list[Episode[Point]] = []
    adapt: list[Episode[Point]] = []
    x_metra_ada(
        ToyLearner(),
        counted(toy_episodes(seed=1), train),
        counted(toy_episodes(seed=100), adapt),
        HYPERPARAMETERS,
        steps=STEPS,
        tracker=tracker,
    )
    stages = [(name, [one.step for one in group]) for name, group in groupby(told, lambda one: one.stage)]
    assert stages == [("meta-train", [0, 1, 2, 3]), ("meta-adapt", [0, 1, 2])]
    assert (len(train), len(adapt)) == (3 * 2, 2 * 2)


def test_meta_adapt_goes_on_from_what_meta_train_made() -> None:
    learner = ToyLearner()
    start = state_of(learner.model)
    between: dict[str, torch.Tensor] = {}

    def noting() -> Iterator[Episode[Point]]:
        for episode in toy_episodes(seed=100):
            between.update(between or state_of(learner.model))
            yield episode

    x_metra_ada(
        learner,
        toy_episodes(seed=1),
        noting(),
        HYPERPARAMETERS,
        steps=STEPS,
        tracker=silent_tracker("meta-train", "meta-adapt"),
    )
    assert not same_state(start, between)
    assert not same_state(between, state_of(learner.model))
