"""A checkpoint that answers."""

from collections.abc import Sequence
from pathlib import Path

from core.checkpoints import read_checkpoint
from core.contracts.reports import CheckpointManifest
from core.tasks.mtod.decoding import Answer, answer
from core.tasks.mtod.learner import MtodLearner


class Predictor:
    """Answers utterances with one checkpoint.

    Args:
        learner: The rebuilt model.
        manifest: What it is.
    """

    def __init__(self, learner: MtodLearner, manifest: CheckpointManifest) -> None:
        self._learner = learner
        self.manifest = manifest

    @classmethod
    def load(cls, folder: Path, manifest: CheckpointManifest, *, device: str = "cpu") -> "Predictor":
        """Load a checkpoint.

        Args:
            folder: Holds the files the manifest names.
            manifest: What the checkpoint is.
            device: Where to compute.

        Raises:
            CorruptArtifact: It is not what was written.
        """
        return cls(read_checkpoint(folder, manifest, device=device), manifest)

    @property
    def size_in_bytes(self) -> int:
        """What the model holds in memory."""
        tensors = [*self._learner.model.parameters(), *self._learner.model.buffers()]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def predict(self, texts: Sequence[str], *, top_k: int = 3) -> list[Answer]:
        """Answer texts in their order.

        Args:
            texts: Any number, each at least one character.
            top_k: Intents to rank.

        Raises:
            InvalidInput: A text is longer than the encoder's window; the pointer is its index.
        """
        return answer(self._learner, self._learner.featurizer.texts(texts), top_k=top_k)
