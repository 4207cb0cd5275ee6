"""The command line that does an experiment again."""

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
"""Field of an experiment → the option that gives it."""

ALWAYS_TOLD: Final = ("languages", "methods", "seeds")
ALL: Final = "all"


def command(experiment: Experiment) -> str:
    """Return the command that does an experiment, with ``DIR`` for its folders."""
    plain = Experiment(task=experiment.task, languages=experiment.languages, seeds=experiment.seeds)
    words = ["xmetra", "experiment", experiment.task, "--data", "DIR"]
    for field, option in OPTIONS.items():
        value = getattr(experiment, field)
        if isinstance(value, Mapping):
            words += [word for one in _assignments(value) for word in (option, one)]
        elif field in ALWAYS_TOLD or value != getattr(plain, field):
            words += [option, ALL if value == METHODS else _told(value)]
    return shlex.join([*words, "--out", "DIR"])


def _told(value: object) -> str:
    """Return a value, or several parted by spaces."""
    several: Sequence[object] = value if isinstance(value, tuple) else (value,)
    return " ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in several)


def _assignments(settings: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield nested settings as a command line says them: ``meta.inner_steps=3``."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _assignments(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={value if isinstance(value, str) else json.dumps(value)}"
