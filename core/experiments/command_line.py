"""Command lines that reproduce experiments."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from core.experiments.grid import METHODS, Experiment

OPTIONS: Final = {
    "languages": "--languages",
    "methods": "--methods",
    "seeds": "--seeds",
    "encoder": "--encoder",
    "similarity": "--similarity",
    "shots": "--shots",
    "draws": "--draws",
    "shares": "--downsample",
    "trainable": "--trainable",
    "schedules": "--schedule",
    "preset": "--preset",
    "settings": "--set",
    "base_settings": "--set-base",
}
"""Field of an experiment → its command line option."""

ALWAYS_INCLUDED: Final = ("languages", "methods", "seeds")
ALL: Final = "all"


def command(experiment: Experiment) -> str:
    """Return the command that reproduces an experiment, with ``DIR`` for its folders."""
    defaults = Experiment(task=experiment.task, languages=experiment.languages, seeds=experiment.seeds)
    words = ["xmetra", "experiment", experiment.task, "--data", "DIR"]
    for field, option in OPTIONS.items():
        value = getattr(experiment, field)
        if isinstance(value, Mapping):
            words += [word for assignment in _assignments(value) for word in (option, assignment)]
        elif field in ALWAYS_INCLUDED or value != getattr(defaults, field):
            words += [option, ALL if value == METHODS else _option_value(value)]
    return shlex.join([*words, "--out", "DIR"])


def _option_value(value: object) -> str:
    """Return a value as text; several values are separated by spaces."""
    values: Sequence[object] = value if isinstance(value, tuple) else (value,)
    return " ".join(f"{item:g}" if isinstance(item, float) else str(item) for item in values)


def _assignments(settings: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield nested settings as assignments: ``meta.inner_steps=3``."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _assignments(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={value if isinstance(value, str) else json.dumps(value)}"
