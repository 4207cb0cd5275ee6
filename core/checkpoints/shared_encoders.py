"""Encoders that several loaded checkpoints have in common, each held in memory once."""

from threading import RLock
from weakref import WeakKeyDictionary, WeakValueDictionary

import torch
from torch import nn

from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName
from core.encoders.loading import Encoder


class SharedEncoders:
    """The encoders of loaded checkpoints, which are found again for as long as somebody holds them.

    What is shared must only be read: for serving, not for training.

    Attributes:
        lock: Held while an encoder is looked for and loaded, so that two who want the same load it once.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self._known: WeakValueDictionary[tuple[TaskName, str], Encoder] = WeakValueDictionary()
        self._bases: WeakKeyDictionary[Encoder, Encoder] = WeakKeyDictionary()

    def find(self, manifest: CheckpointManifest) -> Encoder | None:
        """Return the encoder of a checkpoint that is loaded, or None."""
        return self._known.get((manifest.task, manifest.checkpoint_id))

    def keep(self, manifest: CheckpointManifest, encoder: Encoder) -> None:
        """Remember the encoder of a checkpoint, for as long as it lives."""
        self._known[manifest.task, manifest.checkpoint_id] = encoder

    def hold(self, encoder: Encoder, *, base: Encoder) -> None:
        """Let a base's encoder live as long as one that has tensors of it."""
        if encoder is not base:
            self._bases[encoder] = base


def share_equal(model: nn.Module, base: nn.Module) -> None:
    """Let every tensor of a model that equals the base's of the same name be that one."""
    others = {**dict(base.named_parameters()), **dict(base.named_buffers())}
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        other = others.get(name)
        if other is not None and torch.equal(tensor, other):
            tensor.data = other.data
