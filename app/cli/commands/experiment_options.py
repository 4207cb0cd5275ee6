"""What the options of ``xmetra experiment`` ask for, checked together: all faults are told at once."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from app.cli.commands.train import nested_settings
from app.cli.exit_codes import UsageFault
from app.parsing.validation_errors import parameter_faults
from core.errors import Fault, InvalidInput
from core.experiments.command_line import ALL, OPTIONS
from core.experiments.grid import METHODS, PRE, Experiment
from core.experiments.presets import base_settings, hyperparameters

MANY: Final = 1000
"""Examples of the source, where a base's settings are only checked."""

MadeT = TypeVar("MadeT")


def words(text: str) -> tuple[str, ...]:
    """Return the words of an option that takes several values, parted by spaces or commas."""
    return tuple(word for word in re.split(r"[\s,]+", text) if word)


def method_words(text: str) -> tuple[str, ...]:
    """Return the methods that are trained; the base is measured without being asked for."""
    named = words(text)
    return METHODS if ALL in named else tuple(word for word in named if word != PRE)


def asked_for(
    fields: Mapping[str, Any], *, settings: Sequence[str] | None, base: Sequence[str] | None
) -> Experiment:
    """Return the experiment that options ask for.

    Args:
        fields: Field of an `Experiment` → what was given; words need not be numbers yet.
        settings: ``NAME=VALUE`` of the adaptations.
        base: The same of the base.

    Raises:
        InvalidInput: Every option that cannot be used, by its name.
    """
    faults: list[Fault] = []
    changes = {
        "settings": _nested("settings", settings, faults),
        "base_settings": _nested("base_settings", base, faults),
    }
    asked = _made(lambda: Experiment.model_validate({**fields, **changes}), "", faults)
    task, preset = fields["task"], fields["preset"]
    _made(lambda: hyperparameters(task, preset, changes["settings"]), "settings", faults)
    _made(
        lambda: base_settings(task, preset, changes["base_settings"], examples=MANY), "base_settings", faults
    )
    if asked is not None and not faults:
        _check_together(asked, faults)
    if asked is None or faults:
        raise InvalidInput(faults)
    return asked


def _check_together(asked: Experiment, faults: list[Fault]) -> None:
    """Find settings that contradict a schedule or what is trained."""
    forms = {(cell.trainable, cell.schedule): cell for cell in asked.cells()}
    for cell in forms.values():
        _made(lambda cell=cell: asked.settings_of(cell), "settings", faults)  # type: ignore[misc]


def _nested(field: str, assignments: Sequence[str] | None, faults: list[Fault]) -> dict[str, Any]:
    """Return those assignments that can be read, as nested settings."""
    read: list[str] = []
    for one in assignments or ():
        try:
            nested_settings([*read, one])
            read.append(one)
        except UsageFault as error:
            faults.append(Fault(OPTIONS[field], str(error).removeprefix("--set ")))
    return nested_settings(read) or {}


def _made(make: Callable[[], MadeT], field: str, faults: list[Fault]) -> MadeT | None:
    """Return what is made, or None and the faults by the names of the options.

    Args:
        make: Checks as it makes.
        field: The field of an `Experiment` that is checked, or none where all of them are.
        faults: Added to.
    """
    try:
        return make()
    except ValidationError as error:
        found = error.errors()
        for one in found:
            one["loc"] = (_option(field, one["loc"]),)
        faults.extend(parameter_faults(found))
        return None


def _option(field: str, place: tuple[int | str, ...]) -> str:
    """Return the option, and the name of the setting, at a place where something is wrong."""
    if field:
        return " ".join([OPTIONS[field], ".".join(str(step) for step in place)]).strip()
    return OPTIONS.get(str(place[0]), str(place[0]))
