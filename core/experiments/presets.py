"""Which hyperparameters an experiment has before anybody changes one."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from core.contracts.hyperparameters import (
    Hyperparameters,
    PretrainSettings,
    QaHyperparameters,
    QaPretrainSettings,
)
from core.contracts.values import TaskName


class Preset(StrEnum):
    """Where an experiment begins.

    Attributes:
        TUNED: This project's defaults; plain training chooses its rate and its epochs on a part of the
            few-shot data, so that meta-learning is compared with the best of it.
        PAPER: The paper's own figures.
    """

    TUNED = "tuned"
    PAPER = "paper"


Nested = Mapping[str, Any]
"""Settings by name, those of an object in a mapping of their own."""

SEEDS: Final[Mapping[TaskName, tuple[int, ...]]] = {
    TaskName.MTOD: (42, 35, 119, 40),
    TaskName.QA: (42, 44, 40, 163),
}
"""The paper's."""

EPISODES: Final = 2500
"""Drawn in each stage (the paper's)."""

META_BATCH: Final = 4

WARMUP_STEPS: Final = 500
"""Of the paper's base of questions, whose settings count it in steps."""

ENCODER_OUTER_RATE: Final = 3e-5
"""In the released code only the heads move at the paper's 1e-2, at which a whole encoder diverges."""

_HYPERPARAMETERS: Final = {TaskName.MTOD: Hyperparameters, TaskName.QA: QaHyperparameters}
_BASES: Final = {TaskName.MTOD: PretrainSettings, TaskName.QA: QaPretrainSettings}

_EPISODES: Final[Nested] = {
    "inner_steps": 5,
    "k_shot": 6,
    "q_shot": 6,
    "meta_batch_size": META_BATCH,
    "meta_train_steps": EPISODES // META_BATCH,
    "meta_adapt_steps": EPISODES // META_BATCH,
}

_PAPER: Final[Mapping[TaskName, Nested]] = {
    TaskName.MTOD: {
        # "A tuned rate": the paper gives none.
        "tune": True,
        "fine_tune": {"encoder_lr": 4e-5, "heads_lr": 4e-5, "batch_size": 32},
        "meta": {
            **_EPISODES,
            "inner_lr": 1e-3,
            "outer_lr": ENCODER_OUTER_RATE,
            "heads_outer_lr": 1e-2,
        },
    },
    TaskName.QA: {
        "fine_tune": {"encoder_lr": 3e-5, "heads_lr": 3e-5, "batch_size": 8},
        "meta": {**_EPISODES, "inner_lr": 3e-5, "outer_lr": 3e-5, "heads_outer_lr": 3e-5},
    },
}

_PAPER_BASES: Final[Mapping[TaskName, Nested]] = {
    TaskName.MTOD: {
        "encoder_lr": 4e-5,
        "heads_lr": 4e-5,
        "weight_decay": 0.01,
        "batch_size": 32,
        "warmup": 0.0,
    },
    TaskName.QA: {"encoder_lr": 3e-5, "heads_lr": 3e-5, "batch_size": 8, "epochs": 5.0},
}


def hyperparameters(task: TaskName, preset: Preset, changes: Nested) -> Hyperparameters:
    """Return how an adaptation learns.

    Args:
        task: What is learnt.
        preset: Where to begin.
        changes: What is otherwise.

    Raises:
        pydantic.ValidationError: A change has no such name, or a value that is not allowed.
    """
    chosen = _PAPER[task] if preset is Preset.PAPER else {"tune": True}
    return _HYPERPARAMETERS[task].model_validate(joined(chosen, changes))


def base_settings(task: TaskName, preset: Preset, changes: Nested, *, examples: int) -> PretrainSettings:
    """Return how the base learns.

    Args:
        task: What is learnt.
        preset: Where to begin.
        changes: What is otherwise.
        examples: Of the source language, for a warm-up that is counted in steps.

    Raises:
        pydantic.ValidationError: A change has no such name, or a value that is not allowed.
    """
    chosen = _PAPER_BASES[task] if preset is Preset.PAPER else {}
    settings = _BASES[task].model_validate(joined(chosen, changes))
    if preset is Preset.PAPER and task is TaskName.QA and "warmup" not in changes:
        # Half of the run at most: with few examples the rate must come down again.
        warmup = min(0.5, WARMUP_STEPS / settings.steps(examples))
        return settings.model_copy(update={"warmup": warmup})
    return settings


def joined(first: Nested, second: Nested) -> dict[str, Any]:
    """Return both as one, the second where they differ."""
    both = dict(first)
    for name, value in second.items():
        inside = both.get(name)
        if isinstance(inside, Mapping) and isinstance(value, Mapping):
            both[name] = joined(inside, value)
        else:
            both[name] = value
    return both
