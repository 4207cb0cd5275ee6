"""Preset hyperparameters of experiments."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.contracts.values import TaskName
from core.tasks.experiment_spec import NestedSettings
from core.tasks.registry import task_spec


class Preset(StrEnum):
    """Preset that an experiment starts from.

    Attributes:
        TUNED: This project's defaults; learning rate and epochs of fine-tuning are tuned on a part of the
            few-shot data, so that meta-learning is compared with fine-tuning at its best.
        PAPER: The values of the paper.
    """

    TUNED = "tuned"
    PAPER = "paper"


def hyperparameters(task: TaskName, preset: Preset, changes: NestedSettings) -> Hyperparameters:
    """Return the hyperparameters of an adaptation.

    Args:
        task: Task of the experiment.
        preset: Preset to start from.
        changes: Changes to the preset.

    Raises:
        pydantic.ValidationError: A change has an unknown name or an invalid value.
    """
    spec = task_spec(task)
    defaults = spec.experiments.paper if preset is Preset.PAPER else {"tune": True}
    return spec.hyperparameters.model_validate(merge_settings(defaults, changes))


def base_settings(
    task: TaskName, preset: Preset, changes: NestedSettings, *, examples: int
) -> PretrainSettings:
    """Return the training settings of the base.

    Args:
        task: Task of the experiment.
        preset: Preset to start from.
        changes: Changes to the preset.
        examples: Number of source examples, for a warm-up that is given in steps.

    Raises:
        pydantic.ValidationError: A change has an unknown name or an invalid value.
    """
    spec = task_spec(task)
    defaults = spec.experiments.paper_base if preset is Preset.PAPER else {}
    settings = spec.pretrain_settings.model_validate(merge_settings(defaults, changes))
    steps = spec.experiments.paper_base_warmup_steps
    if preset is Preset.PAPER and steps is not None and "warmup" not in changes:
        # Half of the run at most: with few examples the learning rate must come down again.
        warmup = min(0.5, steps / settings.steps(examples))
        return settings.model_copy(update={"warmup": warmup})
    return settings


def merge_settings(first: NestedSettings, second: NestedSettings) -> dict[str, Any]:
    """Merge nested settings; those of `second` take precedence."""
    merged = dict(first)
    for name, value in second.items():
        nested = merged.get(name)
        if isinstance(nested, Mapping) and isinstance(value, Mapping):
            merged[name] = merge_settings(nested, value)
        else:
            merged[name] = value
    return merged
