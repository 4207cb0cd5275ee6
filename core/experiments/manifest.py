"""Manifest of an experiment's folder: its settings and data, which later starts must not change."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.errors import Conflict
from core.experiments.corpora import Corpora
from core.experiments.folder import Folder
from core.experiments.grid import Experiment
from core.experiments.presets import base_settings, hyperparameters
from core.experiments.records import ExperimentManifest

FIXED: Final = ("task", "encoder", "similarity", "preset")
"""Fields of an experiment that must not change, in addition to hyperparameters and data."""


def write_manifest(experiment: Experiment, corpora: Corpora, folder: Folder) -> ExperimentManifest:
    """Write the manifest of an experiment, or extend the manifest of an earlier start.

    Args:
        experiment: The experiment to start.
        corpora: Its data.
        folder: Its folder.

    Returns:
        The manifest, with the runs of all starts.

    Raises:
        Conflict: The folder has an experiment with other settings or data; the message names the differences.
    """
    manifest = _new_manifest(experiment, corpora)
    earlier = folder.read(folder.experiment, ExperimentManifest)
    if earlier is not None:
        _check_unchanged(earlier, manifest, folder)
        manifest = manifest.model_copy(
            update={
                "experiment": earlier.experiment.merged_with(manifest.experiment),
                "data": earlier.data | manifest.data,
            }
        )
    folder.write(folder.experiment, manifest)
    return manifest


def _new_manifest(experiment: Experiment, corpora: Corpora) -> ExperimentManifest:
    task, preset = experiment.task, experiment.preset
    source_examples = len(corpora.examples(corpora.layout.source))
    return ExperimentManifest(
        experiment=experiment,
        hyperparameters=hyperparameters(task, preset, experiment.settings),
        base_settings=base_settings(task, preset, experiment.base_settings, examples=source_examples),
        data=corpora.hashes,
    )


def _check_unchanged(earlier: ExperimentManifest, current: ExperimentManifest, folder: Folder) -> None:
    before, after = (dict(_fixed_settings(manifest)) for manifest in (earlier, current))
    # A file that is in only one manifest belongs to a language that is added, or left out this time.
    common = [name for name in after if name in before]
    differences = [
        f"{name} is {before[name]} there and {after[name]} now"
        for name in common
        if before[name] != after[name]
    ]
    if differences:
        raise Conflict(
            f"{folder.root} holds an experiment with other settings: {'; '.join(differences)}; "
            "take another folder"
        )


def _fixed_settings(manifest: ExperimentManifest) -> Iterator[tuple[str, Any]]:
    """Yield (dotted name, value) of the settings that must not change."""
    document = manifest.model_dump(mode="json")
    for name in FIXED:
        yield name, document["experiment"][name]
    yield from _flattened(document["hyperparameters"], "")
    yield from _flattened(document["base_settings"], "base ")
    for name, sha256 in manifest.data.items():
        yield f"the SHA-256 of {name}", sha256


def _flattened(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
