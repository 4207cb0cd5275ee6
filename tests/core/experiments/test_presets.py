"""Where an experiment begins, held against the paper's table."""

import pytest
from pydantic import ValidationError

from core.contracts.hyperparameters import (
    Hyperparameters,
    PretrainSettings,
    QaHyperparameters,
    QaPretrainSettings,
)
from core.contracts.values import TaskName
from core.experiments.presets import Preset, base_settings, hyperparameters, joined

MTOD, QA = TaskName.MTOD, TaskName.QA
TUNED, PAPER = Preset.TUNED, Preset.PAPER


def test_tuned_is_the_projects_defaults_with_fine_tuning_tuned() -> None:
    assert hyperparameters(MTOD, TUNED, {}) == Hyperparameters(tune=True)
    assert hyperparameters(QA, TUNED, {}) == QaHyperparameters(tune=True)
    assert base_settings(MTOD, TUNED, {}, examples=100) == PretrainSettings()
    assert base_settings(QA, TUNED, {}, examples=100) == QaPretrainSettings()


def test_utterances_are_meta_learnt_as_in_the_paper() -> None:
    paper = hyperparameters(MTOD, PAPER, {})
    meta = paper.meta
    assert (meta.inner_lr, meta.inner_steps, meta.k_shot, meta.q_shot) == (1e-3, 5, 6, 6)
    assert meta.meta_batch_size == 4
    assert meta.meta_train_steps == meta.meta_adapt_steps == 625
    assert meta.meta_batch_size * 625 == 2500
    assert (meta.outer_lr, meta.heads_outer_lr) == (3e-5, 1e-2)


def test_the_rate_of_fine_tuning_on_utterances_is_tuned_for_the_paper_gives_none() -> None:
    assert hyperparameters(MTOD, PAPER, {}).tune


def test_the_paper_s_base_of_utterances() -> None:
    base = base_settings(MTOD, PAPER, {}, examples=30_521)
    assert (base.encoder_lr, base.heads_lr, base.weight_decay, base.batch_size) == (4e-5, 4e-5, 0.01, 32)
    assert base.warmup == 0


def test_questions_are_learnt_as_in_the_paper() -> None:
    paper = hyperparameters(QA, PAPER, {})
    assert (paper.meta.inner_lr, paper.meta.outer_lr, paper.meta.heads_outer_lr) == (3e-5, 3e-5, 3e-5)
    assert (paper.fine_tune.encoder_lr, paper.fine_tune.heads_lr) == (3e-5, 3e-5)
    assert not paper.tune


def test_the_paper_s_base_of_questions_warms_up_for_500_steps() -> None:
    base = base_settings(QA, PAPER, {}, examples=3696)
    assert (base.encoder_lr, base.batch_size, base.epochs) == (3e-5, 8, 5.0)
    assert base.warmup * base.steps(3696) == pytest.approx(500)


def test_a_short_base_of_questions_warms_up_for_half_of_it_at_most() -> None:
    assert base_settings(QA, PAPER, {}, examples=100).warmup == 0.5


def test_changes_stand_above_the_preset_and_leave_the_rest() -> None:
    changed = hyperparameters(MTOD, PAPER, {"tune": False, "meta": {"inner_steps": 1}})
    assert not changed.tune
    assert (changed.meta.inner_steps, changed.meta.k_shot) == (1, 6)
    assert base_settings(QA, PAPER, {"warmup": 0.1}, examples=3696).warmup == 0.1


@pytest.mark.parametrize(
    "changes", [{"meta": {"inner_stepz": 1}}, {"meta": 3}, {"fine_tune": {"epochs": -1}}]
)
def test_a_change_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        hyperparameters(MTOD, TUNED, changes)


def test_joining_changes_neither_side() -> None:
    first, second = {"meta": {"a": 1}, "x": 1}, {"meta": {"b": 2}}
    assert joined(first, second) == {"meta": {"a": 1, "b": 2}, "x": 1}
    assert (first, second) == ({"meta": {"a": 1}, "x": 1}, {"meta": {"b": 2}})
