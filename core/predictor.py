"""Prediction with one checkpoint."""

from collections.abc import Mapping, Sequence, Sized
from typing import Any

from core.checkpoints import SharedEncoders, open_checkpoint
from core.contracts.reports import CheckpointManifest
from core.store import Store
from core.tasks.engine import TaskLearner
from core.tasks.engines import task_engine


class Predictor:
    """Predicts with one checkpoint.

    Args:
        learner: The loaded learner.
        manifest: The manifest of its checkpoint.
    """

    def __init__(self, learner: TaskLearner[Any, Any], manifest: CheckpointManifest) -> None:
        self._learner = learner
        self.manifest = manifest

    @classmethod
    def open(
        cls,
        store: Store,
        manifest: CheckpointManifest,
        *,
        device: str = "cpu",
        shared: SharedEncoders | None = None,
    ) -> "Predictor":
        """Load a checkpoint.

        Args:
            store: The store of the checkpoint and its base.
            manifest: The manifest of the checkpoint.
            device: Torch device.
            shared: Loaded encoders to share; None to load an encoder that is not shared.

        Raises:
            NotFound: The checkpoint or its base does not exist.
            CorruptArtifact: A file is missing, or its checksum is wrong.
            StoreUnavailable: The store cannot be read.
        """
        return cls(open_checkpoint(store, manifest, device=device, shared=shared), manifest)

    @property
    def memory(self) -> Mapping[int, int]:
        """The memory of its tensors, address → bytes; models with shared tensors have equal addresses."""
        tensors = [*self._learner.model.parameters(), *self._learner.model.buffers()]
        storages = [tensor.untyped_storage() for tensor in tensors]
        return {storage.data_ptr(): storage.nbytes() for storage in storages}

    def read(self, inputs: Sequence[Any]) -> Sequence[Sized]:
        """Tokenise inputs of the task: texts, or questions with contexts.

        Raises:
            InvalidInput: An input is longer than the model accepts; the pointer starts with its index.
        """
        return task_engine(self.manifest.task).read(self._learner, inputs)

    def answer(self, features: Sequence[Sized], *, top_k: int = 3) -> list[Any]:
        """Answer tokenised inputs, in their order.

        Args:
            features: Tokenised inputs, returned by `read` of this predictor.
            top_k: Number of answers to rank.
        """
        return task_engine(self.manifest.task).answer(self._learner, features, top_k=top_k)

    def predict(self, inputs: Sequence[Any], *, top_k: int = 3) -> list[Any]:
        """Tokenise and answer inputs."""
        return self.answer(self.read(inputs), top_k=top_k)
