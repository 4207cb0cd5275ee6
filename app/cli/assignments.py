"""Assignments of hyperparameters on the command line: ``--set meta.inner_steps=3``."""

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

from core.errors import Fault, InvalidInput


def parse_assignments(
    assignments: Sequence[str] | None, model: type[BaseModel], *, option: str = "--set"
) -> dict[str, Any] | None:
    """Return assignments as nested settings; None if there are none.

    Args:
        assignments: ``["meta.inner_steps=3", "seed=7"]`` becomes ``{"meta": {"inner_steps": 3}, "seed": 7}``.
        model: Class of the settings.
        option: The option, for messages.

    Raises:
        InvalidInput: All assignments that have no value, contradict another or have an unknown name.
    """
    settings, faults = read_assignments(assignments, model, option=option)
    if faults:
        raise InvalidInput(faults)
    return settings or None


def read_assignments(
    assignments: Sequence[str] | None, model: type[BaseModel], *, option: str
) -> tuple[dict[str, Any], list[Fault]]:
    """Return the valid assignments as nested settings, and the faults of the others.

    The arguments are those of `parse_assignments`.
    """
    names = tuple(setting_names(model))
    settings: dict[str, Any] = {}
    faults: list[Fault] = []
    for assignment in assignments or ():
        name, equals, text = assignment.partition("=")
        value = _parse_value(text)
        if not (name and equals):
            faults.append(Fault(f"{option} {assignment}", "expected NAME=VALUE, such as meta.inner_steps=3"))
        elif unknown := [path for path in _paths(name, value) if path not in names]:
            faults += [Fault(f"{option} {path}", _unknown_name(path, names)) for path in unknown]
        elif not _assign(settings, name.split("."), value):
            faults.append(Fault(f"{option} {assignment}", "contradicts another assignment"))
    return settings, faults


def setting_names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all settings of a model, and of the groups that contain them."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from setting_names(field.annotation, f"{prefix}{name}.")


def similar_names(name: str, names: Sequence[str]) -> list[str]:
    """Return the names that a misspelt one may stand for, the likeliest first.

    Args:
        name: The misspelt name; without a dot, it may stand for a setting of any group.
        names: Dotted names of the settings.
    """
    last_parts = {valid: valid.rpartition(".")[2] for valid in names}
    last_part = get_close_matches(name.rpartition(".")[2], set(last_parts.values()), n=1)
    candidates = [valid for valid in names if last_parts[valid] in last_part]
    if "." not in name:
        return candidates
    return get_close_matches(name, candidates, n=1, cutoff=0) or get_close_matches(name, names, n=1)


def _unknown_name(name: str, names: Sequence[str]) -> str:
    """Return the message about an unknown name."""
    candidates = similar_names(name, names)
    hint = f"; did you mean {' or '.join(candidates)}?" if candidates else ""
    return f"there is no hyperparameter of that name{hint}"


def _paths(name: str, value: object) -> Iterator[str]:
    """Yield the dotted names that an assignment sets: several if the value is a JSON object."""
    yield name
    if isinstance(value, Mapping):
        for key, nested in value.items():
            yield from _paths(f"{name}.{key}", nested)


def _assign(settings: dict[str, Any], path: Sequence[str], value: object) -> bool:
    """Set a nested setting; return False if it contradicts an earlier one."""
    *groups, leaf = path
    group: Any = settings
    for name in groups:
        group = group.setdefault(name, {})
        if not isinstance(group, dict):
            return False
    if isinstance(group.get(leaf), dict):
        return False
    group[leaf] = value
    return True


def _parse_value(text: str) -> Any:  # noqa: ANN401  any JSON value
    """Return a JSON value; a text that is not JSON stands for itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
