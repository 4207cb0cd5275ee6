"""A learner as a folder, and back: safetensors, JSON, and nothing that runs code when it is read."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import load_file, save_file

from core.checksums import file_sha256
from core.contracts.reports import CheckpointManifest
from core.encoders import load_architecture
from core.errors import CorruptArtifact
from core.tasks.table import TASKS
from core.tasks.task import TaskLearner

WEIGHTS = "model.safetensors"
CONFIG = "config.json"


def write_checkpoint(learner: TaskLearner[Any, Any], folder: Path) -> dict[str, str]:
    """Write weights, encoder configuration and tokenizer.

    Args:
        learner: What is written.
        folder: Exists, and is empty.

    Returns:
        File name → SHA-256, for the manifest.
    """
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in learner.model.state_dict().items()
    }
    save_file(tensors, folder / WEIGHTS, metadata=_rows(learner.intents, learner.slots))
    (folder / CONFIG).write_text(_portable_config(learner), encoding="utf-8")
    learner.encoder.tokenizer.save_pretrained(folder)
    return {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


def read_checkpoint(
    folder: Path, manifest: CheckpointManifest, *, device: str = "cpu"
) -> TaskLearner[Any, Any]:
    """Rebuild a learner.

    Args:
        folder: Holds the files the manifest names.
        manifest: What the checkpoint is.
        device: Where it will compute.

    Raises:
        CorruptArtifact: A file is missing or is not the one that was written, or the weights do not
            fit the labels.
    """
    verify_files(folder, manifest)
    with safe_open(folder / WEIGHTS, framework="pt") as weights:
        if weights.metadata() != _rows(manifest.intents, manifest.slots):
            raise CorruptArtifact(
                f"checkpoint {manifest.checkpoint_id}: the labels are not those of its weights"
            )
    encoder = load_architecture(manifest.encoder, folder)
    learner: TaskLearner[Any, Any]
    try:
        learner = TASKS[manifest.task].rebuilt_learner(encoder, manifest, device=device)
        learner.model.load_state_dict(load_file(folder / WEIGHTS, device=device))
    except (RuntimeError, ValueError) as error:
        raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {error}") from error
    return learner


def verify_files(folder: Path, manifest: CheckpointManifest) -> None:
    """Check every file against the manifest.

    Raises:
        CorruptArtifact: One is missing or differs, or the manifest does not vouch for what is loaded.
    """
    for name in (WEIGHTS, CONFIG):
        if name not in manifest.files:
            raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: the manifest does not name {name}")
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {name} is missing")
        if file_sha256(path) != expected:
            raise CorruptArtifact(
                f"checkpoint {manifest.checkpoint_id}: {name} is not the file that was written"
            )


def _rows(intents: Sequence[str], slots: Sequence[str]) -> dict[str, str]:
    """Return what the rows of the heads stand for, as the weights file says it: its checksum covers it.

    One entry only: safetensors writes several in any order, and equal models would differ in bytes.
    """
    return {"labels": json.dumps({"intents": intents, "slots": slots})}


def _portable_config(learner: TaskLearner[Any, Any]) -> str:
    """Return the encoder's configuration without the folder it was loaded from."""
    config = learner.encoder.model.config.to_dict()
    config.pop("_name_or_path", None)
    return json.dumps(config, indent=2, sort_keys=True)
