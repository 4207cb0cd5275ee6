"""Sharing of encoders between loaded checkpoints, so that each is in memory once."""

from threading import RLock
from weakref import WeakKeyDictionary, WeakValueDictionary

import torch
from torch import nn

from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName
from core.encoders.loading import Encoder


class SharedEncoders:
    """Weak references to the encoders of loaded checkpoints.

    Shared encoders must not be changed: they are for serving, not for training.

    Attributes:
        lock: To be held while an encoder is looked up and loaded, so that concurrent callers load it once.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self._encoders: WeakValueDictionary[tuple[TaskName, str], Encoder] = WeakValueDictionary()
        self._bases: WeakKeyDictionary[Encoder, Encoder] = WeakKeyDictionary()

    def get(self, manifest: CheckpointManifest) -> Encoder | None:
        """Return the encoder of a checkpoint; None if it is not loaded."""
        return self._encoders.get((manifest.task, manifest.checkpoint_id))

    def add(self, manifest: CheckpointManifest, encoder: Encoder) -> None:
        """Register the encoder of a loaded checkpoint, by a weak reference."""
        self._encoders[manifest.task, manifest.checkpoint_id] = encoder

    def keep_base_alive(self, encoder: Encoder, *, base: Encoder) -> None:
        """Keep a reference to a base's encoder as long as an encoder that shares its tensors exists."""
        if encoder is not base:
            self._bases[encoder] = base


def share_equal_tensors(model: nn.Module, base: nn.Module) -> None:
    """Replace every tensor of a model that equals the base's of the same name by the base's, in place."""
    base_tensors = {**dict(base.named_parameters()), **dict(base.named_buffers())}
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        base_tensor = base_tensors.get(name)
        if base_tensor is not None and torch.equal(tensor, base_tensor):
            tensor.data = base_tensor.data
