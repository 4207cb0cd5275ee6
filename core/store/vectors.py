"""Cache of the sentence vectors of datasets."""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from core.store import names
from core.store.backend import Backend

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)


class Vectors:
    """The sentence vectors in a store; they are a cache, so damaged files are computed again.

    numpy is imported lazily, because programs without it use the store too.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def get_or_compute(
        self,
        dataset_id: str,
        fingerprint: str,
        *,
        texts: Sequence[str],
        embed: Callable[[Sequence[str]], "NDArray[np.float32]"],
    ) -> "NDArray[np.float32]":
        """Return the cached vectors of texts; compute and cache them if there are none.

        Args:
            dataset_id: Dataset of the texts.
            fingerprint: Fingerprint of the encoder.
            texts: The texts, in the order of the rows.
            embed: Computes the vectors of all texts, [texts, width].

        Returns:
            Vectors, [texts, width].

        Raises:
            NotFound: An id is not a valid identifier.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be read or written.
        """
        vectors = self.get(dataset_id, fingerprint, texts=texts)
        if vectors is None:
            vectors = embed(texts)
            self.put(dataset_id, fingerprint, vectors, texts=texts)
        return vectors

    def get(self, dataset_id: str, fingerprint: str, *, texts: Sequence[str]) -> "NDArray[np.float32] | None":
        """Return the cached vectors of exactly these texts, [texts, width], or None.

        Damaged files are logged.

        Raises:
            NotFound: An id is not a valid identifier.
            StoreUnavailable: The store cannot be read.
        """
        key = _key(
            names.require_identifier("dataset", dataset_id), names.require_identifier("encoder", fingerprint)
        )
        data = self._backend.read(key)
        if data is None:
            return None
        vectors = _decode(data, texts)
        if vectors is None:
            _log.warning("%s is damaged, or of other texts; it is not used", key)
        return vectors

    def put(
        self, dataset_id: str, fingerprint: str, vectors: "NDArray[np.float32]", *, texts: Sequence[str]
    ) -> None:
        """Cache vectors, replacing existing ones.

        Args:
            dataset_id: Dataset of the texts.
            fingerprint: Fingerprint of the encoder.
            vectors: Vectors, [texts, width].
            texts: The texts, in the order of the rows.

        Raises:
            InvalidInput: An id is not a valid identifier.
            ValueError: The number of vectors is not that of the texts.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        import numpy as np  # noqa: PLC0415
        from safetensors.numpy import save  # noqa: PLC0415

        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(texts)} texts")
        dense = np.ascontiguousarray(vectors, dtype=np.float32)
        digest = np.frombuffer(_digest(texts, dense), dtype=np.uint8)
        key = _key(
            names.validate_identifier("/dataset_id", dataset_id),
            names.validate_identifier("/fingerprint", fingerprint),
        )
        self._backend.write(key, save({"vectors": dense, "digest": digest}))


def _key(dataset_id: str, fingerprint: str) -> str:
    return f"vectors/{dataset_id}/{fingerprint}.safetensors"


def _decode(data: bytes, texts: Sequence[str]) -> "NDArray[np.float32] | None":
    """Return the vectors in a file, or None if it is damaged or of other texts."""
    from safetensors.numpy import load  # noqa: PLC0415

    try:
        tensors = load(data)
        vectors, digest = tensors["vectors"], tensors["digest"]
    except (SafetensorError, KeyError):
        return None
    if vectors.ndim != 2 or len(vectors) != len(texts) or digest.tobytes() != _digest(texts, vectors):
        return None
    return vectors


def _digest(texts: Sequence[str], vectors: "NDArray[np.float32]") -> bytes:
    """Return the SHA-256 of the texts and the vectors, which detects damage as well as other texts."""
    digest = hashlib.sha256(json.dumps([list(texts), vectors.dtype.name, vectors.shape]).encode())
    digest.update(vectors.tobytes())
    return digest.digest()
