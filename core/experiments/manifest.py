"""The settings of an experiment's folder: kept when it begins, and the same ever after."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.errors import Conflict
from core.experiments.corpora import Corpora
from core.experiments.folder import Folder
from core.experiments.grid import Experiment
from core.experiments.presets import base_settings, hyperparameters
from core.experiments.records import Kept

LASTING: Final = ("task", "encoder", "similarity", "preset")
"""What of an experiment must stay as it is, beside its hyperparameters and its data."""


def begin(experiment: Experiment, corpora: Corpora, folder: Folder) -> Kept:
    """Keep what is asked for, or add it to what was asked for before.

    Args:
        experiment: What is asked for now.
        corpora: Its data.
        folder: Where it is kept.

    Returns:
        What was asked for since the beginning.

    Raises:
        Conflict: The folder holds an experiment with other settings or other data; tells which.
    """
    kept = _kept(experiment, corpora)
    before = folder.read(folder.experiment, Kept)
    if before is not None:
        _refuse_differences(before, kept, folder)
        kept = kept.model_copy(
            update={
                "experiment": before.experiment.extended(kept.experiment),
                "data": before.data | kept.data,
            }
        )
    folder.write(folder.experiment, kept)
    return kept


def _kept(experiment: Experiment, corpora: Corpora) -> Kept:
    task, preset = experiment.task, experiment.preset
    source = len(corpora.examples(corpora.layout.source))
    return Kept(
        experiment=experiment,
        hyperparameters=hyperparameters(task, preset, experiment.settings),
        base_settings=base_settings(task, preset, experiment.base_settings, examples=source),
        data=corpora.hashes,
    )


def _refuse_differences(before: Kept, now: Kept, folder: Folder) -> None:
    there, asked = (dict(_settings(kept)) for kept in (before, now))
    # A file that only one of them has belongs to a language that is added, or left out this time.
    both = [name for name in asked if name in there]
    differing = [
        f"{name} is {there[name]} there and {asked[name]} now" for name in both if there[name] != asked[name]
    ]
    if differing:
        raise Conflict(
            f"{folder.root} holds an experiment with other settings: {'; '.join(differing)}; "
            "take another folder"
        )


def _settings(kept: Kept) -> Iterator[tuple[str, Any]]:
    """Yield what must not change, by its dotted name."""
    document = kept.model_dump(mode="json")
    for name in LASTING:
        yield name, document["experiment"][name]
    yield from _flat(document["hyperparameters"], "")
    yield from _flat(document["base_settings"], "base ")
    for name, sha256 in kept.data.items():
        yield f"the SHA-256 of {name}", sha256


def _flat(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
