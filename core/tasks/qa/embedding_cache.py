"""Sentence vectors of examples: made once for a content and an encoder, then kept in the store."""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.contracts.questions import QaExample
from core.progress import ProgressTracker
from core.store.vectors import Vectors
from core.tasks.engine import EmbeddedTexts
from core.tasks.qa.data_split import EMBED_SOURCE, EMBED_TARGET

if TYPE_CHECKING:
    from core.tasks.qa.similarity import SentenceEncoder


class EmbeddingCache:
    """See `core.tasks.engine.ExampleEmbeddings`; the sentence encoder is loaded when it is first needed.

    Args:
        encoder: Its name: ``embedded``, a hub id or a folder.
        vectors: Where vectors are stored.
        device: The torch device of the encoder.
        tracker: Told how far it is.
    """

    def __init__(self, encoder: str, *, vectors: Vectors, device: str, tracker: ProgressTracker) -> None:
        self._name = encoder
        self._vectors = vectors
        self._device = device
        self._tracker = tracker
        self._made: dict[str, EmbeddedTexts] = {}

    @cached_property
    def _encoder(self) -> "SentenceEncoder":
        from core.tasks.qa.similarity import SentenceEncoder  # noqa: PLC0415  seconds, which most jobs spare

        return SentenceEncoder.load(self._name, device=self._device)

    def source(self, examples: Sequence[QaExample]) -> EmbeddedTexts:
        """Return the texts of source examples and their vectors."""
        return self._once(EMBED_SOURCE, examples)

    def target(self, examples: Sequence[QaExample]) -> EmbeddedTexts:
        """Return the texts of target examples and their vectors."""
        return self._once(EMBED_TARGET, examples)

    def _once(self, stage: str, examples: Sequence[QaExample]) -> EmbeddedTexts:
        """Both meta stages ask for the same target, and one job has one of each."""
        if stage not in self._made:
            self._made[stage] = self._compared(stage, examples)
        return self._made[stage]

    def _compared(self, stage: str, examples: Sequence[QaExample]) -> EmbeddedTexts:
        self._tracker.begin(stage, len(examples))
        texts = self._encoder.triplet_texts(examples)
        content = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
        vectors = self._vectors.of(content, self._encoder.fingerprint, texts=texts, embed=self._embed)
        return EmbeddedTexts(texts, vectors)

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encoder.vectors(texts, tell=lambda done, _: self._tracker.step(done))
