"""Validation of the options of ``xmetra experiment``; all faults are reported at once."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.cli.assignments import read_assignments
from app.parsing.validation_errors import parameter_faults
from core.errors import Fault, InvalidInput
from core.experiments.command_line import ALL, OPTIONS
from core.experiments.grid import METHODS, PRE, Experiment
from core.experiments.presets import base_settings as preset_base_settings
from core.experiments.presets import hyperparameters
from core.tasks.registry import task_spec

SOURCE_EXAMPLES: Final = 1000
"""Number of source examples for the validation of the base's settings; any number will do."""

ValueT = TypeVar("ValueT")


def split_values(text: str) -> tuple[str, ...]:
    """Return the values of an option, which have spaces or commas between them."""
    return tuple(value for value in re.split(r"[\s,]+", text) if value)


def trained_methods(text: str) -> tuple[str, ...]:
    """Return the methods of ``--methods`` that train; the zero-shot base does not, and is always measured."""
    methods = split_values(text)
    return METHODS if ALL in methods else tuple(method for method in methods if method != PRE)


def parse_experiment(
    fields: Mapping[str, Any], *, settings: Sequence[str] | None, base_settings: Sequence[str] | None
) -> Experiment:
    """Return the experiment of a command line.

    Args:
        fields: Field of an `Experiment` → its value, not validated.
        settings: Assignments of hyperparameters of the adaptations, ``NAME=VALUE``.
        base_settings: Assignments of hyperparameters of the base.

    Raises:
        InvalidInput: All faults, each with the name of its option.
    """
    task, preset = fields["task"], fields["preset"]
    changes, faults = read_assignments(settings, task_spec(task).hyperparameters, option=OPTIONS["settings"])
    base_changes, base_faults = read_assignments(
        base_settings, task_spec(task).pretrain_settings, option=OPTIONS["base_settings"]
    )
    faults += base_faults
    specification = _validated(
        lambda: Experiment.model_validate({**fields, "settings": changes, "base_settings": base_changes}),
        "",
        faults,
    )
    _validated(lambda: hyperparameters(task, preset, changes), "settings", faults)
    _validated(
        lambda: preset_base_settings(task, preset, base_changes, examples=SOURCE_EXAMPLES),
        "base_settings",
        faults,
    )
    if specification is not None and not faults:
        _check_combinations(specification, faults)
    if specification is None or faults:
        raise InvalidInput(faults)
    return specification


def _check_combinations(specification: Experiment, faults: list[Fault]) -> None:
    """Add the faults of settings that contradict a schedule or a trainable part."""
    variants = {(cell.trainable, cell.schedule): cell for cell in specification.cells()}
    for cell in variants.values():
        _validated(lambda cell=cell: specification.hyperparameters_of(cell), "settings", faults)  # type: ignore[misc]


def _validated(make: Callable[[], ValueT], field: str, faults: list[Fault]) -> ValueT | None:
    """Return a value; None if it is invalid, with its faults added to `faults`.

    Args:
        make: Makes the value, or raises a `ValidationError`.
        field: Field of an `Experiment` that the value belongs to; empty if the value is the experiment.
        faults: Receives the faults, each with the name of its option.
    """
    try:
        return make()
    except ValidationError as error:
        errors = _without_consequences(error.errors())
        for item in errors:
            item["loc"] = (_option(field, item["loc"]),)
        faults.extend(parameter_faults(errors))
        return None


def _without_consequences(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Return errors without those of lists that are too short because their items are invalid."""
    lists = {error["loc"][:-1] for error in errors}
    return [error for error in errors if error["type"] != "too_short" or error["loc"] not in lists]


def _option(field: str, place: tuple[int | str, ...]) -> str:
    """Return the option of a fault, with the name of the setting if the option sets several."""
    if field:
        return " ".join([OPTIONS[field], ".".join(str(step) for step in place)]).strip()
    return OPTIONS.get(str(place[0]), str(place[0]))
