"""Checkpoints of learners: full weights, or the delta to a base."""

from pathlib import Path
from typing import Any

from core.checkpoints.deltas import read_delta, write_delta
from core.checkpoints.full_weights import read_full, write_full
from core.checkpoints.shared_encoders import SharedEncoders
from core.contracts.reports import CheckpointManifest
from core.contracts.values import Trainable
from core.store import Store
from core.tasks.engine import TaskLearner

__all__ = ["SharedEncoders", "open_checkpoint", "read_full", "write_delta", "write_full"]


def open_checkpoint(
    store: Store, manifest: CheckpointManifest, *, device: str = "cpu", shared: SharedEncoders | None = None
) -> TaskLearner[Any, Any]:
    """Load a learner from the store.

    Args:
        store: The store of the checkpoint and, if it is a delta, of its base.
        manifest: The manifest of the checkpoint.
        device: Torch device of the learner.
        shared: Loaded encoders to share with the learner, which must not be trained then. None to load an
            encoder that is not shared.

    Raises:
        NotFound: The checkpoint or its base does not exist.
        CorruptArtifact: A file is missing, or its checksum is wrong.
        StoreUnavailable: The store cannot be read.
    """
    encoders = shared or SharedEncoders()
    folder: Path = store.checkpoints.fetch(manifest.task, manifest.checkpoint_id)
    if manifest.trainable is Trainable.ALL or manifest.base_id is None:
        learner = read_full(folder, manifest, device=device, encoder=encoders.get(manifest))
        encoders.add(manifest, learner.encoder)
        return learner
    base = store.checkpoints.manifest(manifest.task, manifest.base_id)
    with encoders.lock:
        encoder = encoders.get(base) or open_checkpoint(store, base, device=device, shared=encoders).encoder
    learner = read_delta(folder, manifest, encoder, device=device)
    encoders.keep_base_alive(learner.encoder, base=encoder)
    return learner
