"""Cache of sentence vectors: computed once for each content and encoder, then stored."""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.contracts.qa_examples import QaExample
from core.progress import ProgressTracker
from core.store.vectors import Vectors
from core.tasks.engine import EmbeddedTexts
from core.tasks.qa.data_split import EMBED_SOURCE, EMBED_TARGET

if TYPE_CHECKING:
    from core.tasks.qa.similarity import SentenceEncoder


class EmbeddingCache:
    """Sentence vectors of examples (see `core.tasks.engine.ExampleEmbeddings`).

    The sentence encoder is loaded when it is first needed.

    Args:
        encoder: Name of the sentence encoder: ``embedded``, ``embedded-en``, a hub id or a folder.
        vectors: Store of the vectors.
        device: Torch device of the encoder.
        tracker: Receives the progress.
    """

    def __init__(self, encoder: str, *, vectors: Vectors, device: str, tracker: ProgressTracker) -> None:
        self._name = encoder
        self._vectors = vectors
        self._device = device
        self._tracker = tracker
        self._embedded: dict[str, EmbeddedTexts] = {}

    @cached_property
    def _encoder(self) -> "SentenceEncoder":
        from core.tasks.qa.similarity import SentenceEncoder  # noqa: PLC0415  takes seconds; most jobs need none

        return SentenceEncoder.load(self._name, device=self._device)

    def source(self, examples: Sequence[QaExample]) -> EmbeddedTexts:
        """Return the texts of source examples and their vectors."""
        return self._embed_once(EMBED_SOURCE, examples)

    def target(self, examples: Sequence[QaExample]) -> EmbeddedTexts:
        """Return the texts of target examples and their vectors."""
        return self._embed_once(EMBED_TARGET, examples)

    def _embed_once(self, stage: str, examples: Sequence[QaExample]) -> EmbeddedTexts:
        """Embed examples unless it was done: both meta stages use the same target examples."""
        if stage not in self._embedded:
            self._embedded[stage] = self._embed_examples(stage, examples)
        return self._embedded[stage]

    def _embed_examples(self, stage: str, examples: Sequence[QaExample]) -> EmbeddedTexts:
        self._tracker.begin(stage, len(examples))
        texts = self._encoder.embedding_texts(examples)
        content = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
        vectors = self._vectors.get_or_compute(
            content, self._encoder.fingerprint, texts=texts, embed=self._embed_texts
        )
        return EmbeddedTexts(texts, vectors)

    def _embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encoder.embed(texts, on_progress=lambda done, _: self._tracker.step(done))
