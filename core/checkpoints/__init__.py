"""Learners as checkpoints: whole, or as what they added to their base."""

from pathlib import Path
from typing import Any

from core.checkpoints.deltas import read_addition, write_addition
from core.checkpoints.full_weights import read_whole, write_whole
from core.checkpoints.shared_encoders import SharedEncoders
from core.contracts.reports import CheckpointManifest
from core.contracts.values import Trainable
from core.store import Store
from core.tasks.engine import TaskLearner

__all__ = ["SharedEncoders", "open_checkpoint", "read_whole", "write_addition", "write_whole"]


def open_checkpoint(
    store: Store, manifest: CheckpointManifest, *, device: str = "cpu", shared: SharedEncoders | None = None
) -> TaskLearner[Any, Any]:
    """Rebuild a learner from the store.

    Args:
        store: Holds the checkpoint, and the base of one that is only what was added.
        manifest: Which.
        device: Where it will compute.
        shared: Encoders of what is loaded already, which it then has in common; for a learner that is not
            trained. None for one of its own.

    Raises:
        NotFound: It, or its base, is not there.
        CorruptArtifact: A file is missing or is not the one that was written.
        StoreUnavailable: The store cannot be read.
    """
    encoders = shared or SharedEncoders()
    folder: Path = store.checkpoints.fetch(manifest.task, manifest.checkpoint_id)
    if manifest.trainable is Trainable.ALL or manifest.base_id is None:
        learner = read_whole(folder, manifest, device=device, encoder=encoders.find(manifest))
        encoders.keep(manifest, learner.encoder)
        return learner
    base = store.checkpoints.manifest(manifest.task, manifest.base_id)
    with encoders.lock:
        encoder = encoders.find(base) or open_checkpoint(store, base, device=device, shared=encoders).encoder
    learner = read_addition(folder, manifest, encoder, device=device)
    encoders.hold(learner.encoder, base=encoder)
    return learner
