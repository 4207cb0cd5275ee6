"""A learner as a folder, and back: all of its weights."""

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
from core.tasks.engines import TASKS

CONFIG = "config.json"

ENCODER: Final = "encoder."
"""Before the names of an encoder's tensors, in every learner's model."""


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


def read_whole(
    folder: Path, manifest: CheckpointManifest, *, device: str = "cpu", encoder: Encoder | None = None
) -> TaskLearner[Any, Any]:
    """Rebuild a learner.

    Args:
        folder: Holds the files the manifest names.
        manifest: What the checkpoint is.
        device: Where it will compute.
        encoder: That of this very checkpoint, if it is loaded already: only the heads are read then.

    Raises:
        CorruptArtifact: A file is missing or is not the one that was written, or the weights do not
            fit the labels.
    """
    verify_files(folder, manifest, needed=(WEIGHTS, CONFIG))
    learner: TaskLearner[Any, Any]
    try:
        learner = TASKS[manifest.task].rebuilt_learner(
            encoder or load_architecture(manifest.encoder, folder), manifest, device=device
        )
        weights = load_file(folder / WEIGHTS, device=device)
        learner.model.load_state_dict(with_encoder(learner, weights) if encoder else weights)
    except (RuntimeError, ValueError) as error:
        raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {error}") from error
    return learner


def with_encoder(learner: TaskLearner[Any, Any], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a learner's state in which the encoder is as it is, and all else is from some weights."""
    state = {name: tensor for name, tensor in learner.model.state_dict().items() if name.startswith(ENCODER)}
    return state | {name: tensor for name, tensor in weights.items() if not name.startswith(ENCODER)}


def _portable_config(learner: TaskLearner[Any, Any]) -> str:
    """Return the encoder's configuration without the folder it was loaded from."""
    config = learner.encoder.model.config.to_dict()
    config.pop("_name_or_path", None)
    return json.dumps(config, indent=2, sort_keys=True)
