"""What a language added to its base, as a folder of a few megabytes, and back."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from safetensors.torch import load_file, save_file

from core.checkpoints.files import checksums, verify_files, write_weights
from core.checkpoints.full_weights import ENCODER, with_encoder
from core.checkpoints.shared_encoders import share_equal
from core.contracts.reports import CheckpointManifest
from core.contracts.values import Trainable
from core.contracts.weights import WEIGHTS
from core.encoders.loading import Encoder
from core.errors import CorruptArtifact
from core.tasks.engine import TaskLearner
from core.tasks.engines import TASKS
from core.training.adapters import adapters_of, attach, merge

ADAPTERS: Final = "adapter_model.safetensors"
ADAPTER_CONFIG: Final = "adapter_config.json"
"""Both as peft names them."""


def write_addition(learner: TaskLearner[Any, Any], folder: Path, *, trainable: Trainable) -> dict[str, str]:
    """Write the heads, and the adapters where there are some; the base has the rest.

    Args:
        learner: What is written.
        folder: Exists, and is empty.
        trainable: What learnt: ``heads`` or ``lora``.

    Returns:
        File name → SHA-256, for the manifest.
    """
    state = learner.model.state_dict()
    heads = {name: tensor for name, tensor in state.items() if not name.startswith(ENCODER)}
    write_weights(learner, heads, folder)
    if trainable is Trainable.LORA:
        config, tensors = adapters_of(learner.body)
        save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, folder / ADAPTERS)
        (folder / ADAPTER_CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")
    return checksums(folder)


def read_addition(
    folder: Path, manifest: CheckpointManifest, base: Encoder, *, device: str
) -> TaskLearner[Any, Any]:
    """Rebuild a learner upon its base.

    Without adapters it has the base's own encoder, with them a copy that shares all tensors they leave alone.

    Args:
        folder: Holds the files the manifest names.
        manifest: What the checkpoint is.
        base: The encoder of what it was made from; left as it is.
        device: Where it will compute.

    Raises:
        CorruptArtifact: A file is missing or is not the one that was written, or does not fit the base.
    """
    with_adapters = manifest.trainable is Trainable.LORA
    needed = (WEIGHTS, ADAPTERS, ADAPTER_CONFIG) if with_adapters else (WEIGHTS,)
    verify_files(folder, manifest, needed=needed)
    encoder = replace(base, model=copy.deepcopy(base.model)) if with_adapters else base
    learner: TaskLearner[Any, Any]
    try:
        learner = TASKS[manifest.task].rebuilt_learner(encoder, manifest, device=device)
        learner.model.load_state_dict(with_encoder(learner, load_file(folder / WEIGHTS, device=device)))
        if with_adapters:
            config = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
            attach(learner.body, config, load_file(folder / ADAPTERS, device=device))
            merge(learner.body)
            share_equal(learner.body, base.model)
    except (RuntimeError, ValueError, TypeError) as error:
        raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {error}") from error
    return learner
