"""Presets, compared with the values of the paper."""

import pytest
from pydantic import ValidationError

from core.contracts.hyperparameters import (
    Hyperparameters,
    PretrainSettings,
    QaHyperparameters,
    QaPretrainSettings,
)
from core.contracts.values import MTOD, QA
from core.experiments.presets import Preset, base_settings, hyperparameters, merge_settings

TUNED, PAPER = Preset.TUNED, Preset.PAPER


def test_tuned_preset_is_the_defaults_with_tuning() -> None:
    assert hyperparameters(MTOD, TUNED, {}) == Hyperparameters(tune=True)
    assert hyperparameters(QA, TUNED, {}) == QaHyperparameters(tune=True)
    assert base_settings(MTOD, TUNED, {}, examples=100) == PretrainSettings()
    assert base_settings(QA, TUNED, {}, examples=100) == QaPretrainSettings()


def test_paper_preset_of_mtod_has_meta_settings_of_the_paper() -> None:
    paper = hyperparameters(MTOD, PAPER, {})
    meta = paper.meta
    assert (meta.inner_lr, meta.inner_steps, meta.k_shot, meta.q_shot) == (1e-3, 5, 6, 6)
    assert meta.meta_batch_size == 4
    assert meta.meta_train_steps == meta.meta_adapt_steps == 625
    assert meta.meta_batch_size * 625 == 2500
    assert (meta.outer_lr, meta.heads_outer_lr) == (3e-5, 1e-2)


def test_paper_preset_of_mtod_tunes_fine_tuning() -> None:
    assert hyperparameters(MTOD, PAPER, {}).tune


def test_paper_base_settings_of_mtod() -> None:
    base = base_settings(MTOD, PAPER, {}, examples=30_521)
    assert (base.encoder_lr, base.heads_lr, base.weight_decay, base.batch_size) == (4e-5, 4e-5, 0.01, 32)
    assert base.warmup == 0


def test_paper_preset_of_qa_has_settings_of_the_paper() -> None:
    paper = hyperparameters(QA, PAPER, {})
    assert (paper.meta.inner_lr, paper.meta.outer_lr, paper.meta.heads_outer_lr) == (3e-5, 3e-5, 3e-5)
    assert (paper.fine_tune.encoder_lr, paper.fine_tune.heads_lr) == (3e-5, 3e-5)
    assert not paper.tune


def test_paper_base_settings_of_qa_warm_up_for_500_steps() -> None:
    base = base_settings(QA, PAPER, {}, examples=3696)
    assert (base.encoder_lr, base.batch_size, base.epochs) == (3e-5, 8, 5.0)
    assert base.warmup * base.steps(3696) == pytest.approx(500)


def test_paper_base_settings_of_qa_limit_warm_up_to_half() -> None:
    assert base_settings(QA, PAPER, {}, examples=100).warmup == 0.5


def test_changes_override_single_values_of_the_preset() -> None:
    changed = hyperparameters(MTOD, PAPER, {"tune": False, "meta": {"inner_steps": 1}})
    assert not changed.tune
    assert (changed.meta.inner_steps, changed.meta.k_shot) == (1, 6)
    assert base_settings(QA, PAPER, {"warmup": 0.1}, examples=3696).warmup == 0.1


@pytest.mark.parametrize(
    "changes", [{"meta": {"inner_stepz": 1}}, {"meta": 3}, {"fine_tune": {"epochs": -1}}]
)
def test_hyperparameters_reject_invalid_changes(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        hyperparameters(MTOD, TUNED, changes)


def test_merge_settings_does_not_change_its_arguments() -> None:
    first, second = {"meta": {"a": 1}, "x": 1}, {"meta": {"b": 2}}
    assert merge_settings(first, second) == {"meta": {"a": 1, "b": 2}, "x": 1}
    assert (first, second) == ({"meta": {"a": 1}, "x": 1}, {"meta": {"b": 2}})
