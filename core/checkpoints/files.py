"""Files of a checkpoint: safetensors and JSON, which run no code when they are loaded."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.contracts.reports import CheckpointManifest
from core.contracts.weights import WEIGHTS, labels_metadata
from core.errors import CorruptArtifact
from core.system.checksums import file_sha256
from core.tasks.engine import TaskLearner


def write_weights(learner: TaskLearner[Any, Any], tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Write tensors of a learner, with the labels of its heads as metadata."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, folder / WEIGHTS, metadata=labels_metadata(learner.intents, learner.slots))


def checksums(folder: Path) -> dict[str, str]:
    """Return file name → SHA-256, for the manifest."""
    return {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


def verify_files(folder: Path, manifest: CheckpointManifest, *, required: Sequence[str]) -> None:
    """Check every file against the manifest, and the labels against the weights.

    Args:
        folder: Folder with the files.
        manifest: The manifest of the checkpoint.
        required: File names that the manifest must list.

    Raises:
        CorruptArtifact: A file is missing or its checksum is wrong, the manifest does not list a required
            file, or the labels are not those of the weights.
    """
    for name in required:
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
    with safe_open(folder / WEIGHTS, framework="pt") as weights:
        if weights.metadata() != labels_metadata(manifest.intents, manifest.slots):
            raise CorruptArtifact(
                f"checkpoint {manifest.checkpoint_id}: the labels are not those of its weights"
            )
