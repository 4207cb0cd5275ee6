"""Sentence vectors of datasets, so that no encoder reads a dataset twice."""

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
    """The sentence vectors of a store: a cache, so that what is wrong with it costs time and no more.

    numpy is imported by those who come here, for the store is opened by programs that live without.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def of(
        self,
        dataset_id: str,
        fingerprint: str,
        *,
        texts: Sequence[str],
        embed: Callable[[Sequence[str]], "NDArray[np.float32]"],
    ) -> "NDArray[np.float32]":
        """Return the vectors of texts: those that are kept, or else new ones, which are kept.

        Args:
            dataset_id: Whose texts.
            fingerprint: Of the encoder.
            texts: In the order of their rows.
            embed: Asked for all of them if they are not there; returns [texts, width].

        Raises:
            NotFound: No dataset or encoder can have such a name.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be read or written.
        """
        vectors = self.get(dataset_id, fingerprint, texts=texts)
        if vectors is None:
            vectors = embed(texts)
            self.put(dataset_id, fingerprint, vectors, texts=texts)
        return vectors

    def get(self, dataset_id: str, fingerprint: str, *, texts: Sequence[str]) -> "NDArray[np.float32] | None":
        """Return the vectors of exactly these texts, [texts, width], or None; damaged ones are logged.

        Raises:
            NotFound: No dataset or encoder can have such a name.
            StoreUnavailable: The store cannot be read.
        """
        key = _key(names.existing("dataset", dataset_id), names.existing("encoder", fingerprint))
        data = self._backend.read(key)
        if data is None:
            return None
        vectors = _decoded(data, texts)
        if vectors is None:
            _log.warning("%s is damaged, or of other texts; it is not used", key)
        return vectors

    def put(
        self, dataset_id: str, fingerprint: str, vectors: "NDArray[np.float32]", *, texts: Sequence[str]
    ) -> None:
        """Keep vectors, in place of any that are there.

        Args:
            dataset_id: Whose texts.
            fingerprint: Of the encoder.
            vectors: [texts, width].
            texts: What they are of.

        Raises:
            InvalidInput: A name is not one that can be stored.
            ValueError: The vectors are not one to a text.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        import numpy as np  # noqa: PLC0415
        from safetensors.numpy import save  # noqa: PLC0415

        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(texts)} texts")
        dense = np.ascontiguousarray(vectors, dtype=np.float32)
        digest = np.frombuffer(_digest(texts, dense), dtype=np.uint8)
        key = _key(names.writable("/dataset_id", dataset_id), names.writable("/fingerprint", fingerprint))
        self._backend.write(key, save({"vectors": dense, "digest": digest}))


def _key(dataset_id: str, fingerprint: str) -> str:
    return f"vectors/{dataset_id}/{fingerprint}.safetensors"


def _decoded(data: bytes, texts: Sequence[str]) -> "NDArray[np.float32] | None":
    """Return the vectors, or None if the file is not what was written of these texts."""
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
    """Return the SHA-256 of texts, shape and numbers: a file is right if both sides are what they were."""
    digest = hashlib.sha256(json.dumps([list(texts), vectors.dtype.name, vectors.shape]).encode())
    digest.update(vectors.tobytes())
    return digest.digest()
