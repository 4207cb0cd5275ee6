"""A checkpoint that answers."""

from collections.abc import Mapping, Sequence, Sized
from typing import Any

from core.checkpoints import SharedEncoders, open_checkpoint
from core.contracts.reports import CheckpointManifest
from core.store import Store
from core.tasks.engine import TaskLearner
from core.tasks.engines import TASKS


class Predictor:
    """Answers with one checkpoint what its task is asked.

    Args:
        learner: The rebuilt model.
        manifest: What it is.
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
            store: Holds it, and its base.
            manifest: Which.
            device: Where to compute.
            shared: Encoders that are loaded already, which it then has in common.

        Raises:
            NotFound: It is not there.
            CorruptArtifact: It is not what was written.
            StoreUnavailable: The store cannot be read.
        """
        return cls(open_checkpoint(store, manifest, device=device, shared=shared), manifest)

    @property
    def memory(self) -> Mapping[int, int]:
        """The pieces of memory its tensors are in, address → bytes; models that share some name the same."""
        tensors = [*self._learner.model.parameters(), *self._learner.model.buffers()]
        storages = [tensor.untyped_storage() for tensor in tensors]
        return {storage.data_ptr(): storage.nbytes() for storage in storages}

    def read(self, asked: Sequence[Any]) -> Sequence[Sized]:
        """Tokenise, in order, what the task is asked: texts, or questions with contexts.

        Raises:
            InvalidInput: Something is longer than the model reads; the pointer begins with its index.
        """
        return TASKS[self.manifest.task].read(self._learner, asked)

    def answer(self, read: Sequence[Sized], *, top_k: int = 3) -> list[Any]:
        """Answer what was read, in its order.

        Args:
            read: By this predictor.
            top_k: Answers to rank.
        """
        return TASKS[self.manifest.task].answer(self._learner, read, top_k=top_k)

    def predict(self, asked: Sequence[Any], *, top_k: int = 3) -> list[Any]:
        """Read and answer."""
        return self.answer(self.read(asked), top_k=top_k)
