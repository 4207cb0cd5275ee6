"""Full checkpoints: all weights of a learner, its encoder configuration and its tokenizer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from safetensors.torch import load_file
from torch import Tensor

from core.checkpoints.files import checksums, verify_files, write_weights
from core.contracts.reports import CheckpointManifest
from core.contracts.weights import WEIGHTS
from core.encoders.loading import Encoder, load_architecture
from core.errors import CorruptArtifact
from core.tasks.engine import TaskLearner
from core.tasks.engines import task_engine

CONFIG = "config.json"

ENCODER: Final = "encoder."
"""Prefix of the names of an encoder's tensors in every learner's model."""


def write_full(learner: TaskLearner[Any, Any], folder: Path) -> dict[str, str]:
    """Write weights, encoder configuration and tokenizer.

    Args:
        learner: The learner to write.
        folder: An existing, empty folder.

    Returns:
        File name → SHA-256, for the manifest.
    """
    write_weights(learner, learner.model.state_dict(), folder)
    (folder / CONFIG).write_text(_portable_config(learner), encoding="utf-8")
    learner.encoder.tokenizer.save_pretrained(folder)
    return checksums(folder)


def read_full(
    folder: Path, manifest: CheckpointManifest, *, device: str = "cpu", encoder: Encoder | None = None
) -> TaskLearner[Any, Any]:
    """Load a learner.

    Args:
        folder: Folder with the files of the manifest.
        manifest: The manifest of the checkpoint.
        device: Torch device of the learner.
        encoder: The encoder of this checkpoint, if it is loaded already; only the heads are loaded then.

    Raises:
        CorruptArtifact: A file is missing, its checksum is wrong, or the weights do not fit the labels.
    """
    verify_files(folder, manifest, required=(WEIGHTS, CONFIG))
    learner: TaskLearner[Any, Any]
    try:
        learner = task_engine(manifest.task).rebuilt_learner(
            encoder or load_architecture(manifest.encoder, folder), manifest, device=device
        )
        weights = load_file(folder / WEIGHTS, device=device)
        learner.model.load_state_dict(with_encoder(learner, weights) if encoder else weights)
    except (RuntimeError, ValueError) as error:
        raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {error}") from error
    return learner


def with_encoder(learner: TaskLearner[Any, Any], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict with the learner's encoder and all other tensors of `weights`."""
    state = {name: tensor for name, tensor in learner.model.state_dict().items() if name.startswith(ENCODER)}
    return state | {name: tensor for name, tensor in weights.items() if not name.startswith(ENCODER)}


def _portable_config(learner: TaskLearner[Any, Any]) -> str:
    """Return the encoder's configuration as JSON, without the folder that it was loaded from."""
    config = learner.encoder.model.config.to_dict()
    config.pop("_name_or_path", None)
    return json.dumps(config, indent=2, sort_keys=True)
