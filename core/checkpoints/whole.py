"""A learner as a folder, and back: all of its weights."""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from core.checkpoints.files import WEIGHTS, checksums, verify_files, write_weights
from core.contracts.reports import CheckpointManifest
from core.encoders import load_architecture
from core.errors import CorruptArtifact
from core.tasks.table import TASKS
from core.tasks.task import TaskLearner

CONFIG = "config.json"


def write_whole(learner: TaskLearner[Any, Any], folder: Path) -> dict[str, str]:
    """Write weights, encoder configuration and tokenizer.

    Args:
        learner: What is written.
        folder: Exists, and is empty.

    Returns:
        File name → SHA-256, for the manifest.
    """
    write_weights(learner, learner.model.state_dict(), folder)
    (folder / CONFIG).write_text(_portable_config(learner), encoding="utf-8")
    learner.encoder.tokenizer.save_pretrained(folder)
    return checksums(folder)


def read_whole(folder: Path, manifest: CheckpointManifest, *, device: str = "cpu") -> TaskLearner[Any, Any]:
    """Rebuild a learner.

    Args:
        folder: Holds the files the manifest names.
        manifest: What the checkpoint is.
        device: Where it will compute.

    Raises:
        CorruptArtifact: A file is missing or is not the one that was written, or the weights do not
            fit the labels.
    """
    verify_files(folder, manifest, needed=(WEIGHTS, CONFIG))
    encoder = load_architecture(manifest.encoder, folder)
    learner: TaskLearner[Any, Any]
    try:
        learner = TASKS[manifest.task].rebuilt_learner(encoder, manifest, device=device)
        learner.model.load_state_dict(load_file(folder / WEIGHTS, device=device))
    except (RuntimeError, ValueError) as error:
        raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {error}") from error
    return learner


def _portable_config(learner: TaskLearner[Any, Any]) -> str:
    """Return the encoder's configuration without the folder it was loaded from."""
    config = learner.encoder.model.config.to_dict()
    config.pop("_name_or_path", None)
    return json.dumps(config, indent=2, sort_keys=True)
