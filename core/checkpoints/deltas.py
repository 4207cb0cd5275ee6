"""Delta checkpoints: the heads and adapters of a language upon its base, a few megabytes."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from safetensors.torch import load_file, save_file

from core.checkpoints.files import checksums, verify_files, write_weights
from core.checkpoints.full_weights import ENCODER, with_encoder
from core.checkpoints.shared_encoders import share_equal_tensors
from core.contracts.reports import CheckpointManifest
from core.contracts.values import Trainable
from core.contracts.weights import WEIGHTS
from core.encoders.loading import Encoder
from core.errors import CorruptArtifact
from core.tasks.engine import TaskLearner
from core.tasks.engines import task_engine
from core.training.adapters import adapter_state, load_adapters, merge_adapters

ADAPTERS: Final = "adapter_model.safetensors"
ADAPTER_CONFIG: Final = "adapter_config.json"
"""File names of peft."""


def write_delta(learner: TaskLearner[Any, Any], folder: Path, *, trainable: Trainable) -> dict[str, str]:
    """Write the heads, and the adapters if there are any; all other weights are those of the base.

    Args:
        learner: The learner to write.
        folder: An existing, empty folder.
        trainable: The part that was trained: ``heads`` or ``lora``.

    Returns:
        File name → SHA-256, for the manifest.
    """
    state = learner.model.state_dict()
    heads = {name: tensor for name, tensor in state.items() if not name.startswith(ENCODER)}
    write_weights(learner, heads, folder)
    if trainable is Trainable.LORA:
        config, tensors = adapter_state(learner.body)
        save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, folder / ADAPTERS)
        (folder / ADAPTER_CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")
    return checksums(folder)


def read_delta(
    folder: Path, manifest: CheckpointManifest, base: Encoder, *, device: str
) -> TaskLearner[Any, Any]:
    """Load a learner upon its base.

    Without adapters it has the base's encoder itself, with adapters a copy that shares all unchanged tensors.

    Args:
        folder: Folder with the files of the manifest.
        manifest: The manifest of the checkpoint.
        base: The encoder of the base; not changed.
        device: Torch device of the learner.

    Raises:
        CorruptArtifact: A file is missing, its checksum is wrong, or it does not fit the base.
    """
    with_adapters = manifest.trainable is Trainable.LORA
    required = (WEIGHTS, ADAPTERS, ADAPTER_CONFIG) if with_adapters else (WEIGHTS,)
    verify_files(folder, manifest, required=required)
    encoder = replace(base, model=copy.deepcopy(base.model)) if with_adapters else base
    learner: TaskLearner[Any, Any]
    try:
        learner = task_engine(manifest.task).rebuilt_learner(encoder, manifest, device=device)
        learner.model.load_state_dict(with_encoder(learner, load_file(folder / WEIGHTS, device=device)))
        if with_adapters:
            config = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
            load_adapters(learner.body, config, load_file(folder / ADAPTERS, device=device))
            merge_adapters(learner.body)
            share_equal_tensors(learner.body, base.model)
    except (RuntimeError, ValueError, TypeError) as error:
        raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {error}") from error
    return learner
