"""Sentence vectors of examples: made once for a content and an encoder, then kept in the store."""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.contracts.questions import QaExample
from core.pipeline.outcome import Workbench
from core.progress import ProgressTracker
from core.tasks.qa.curriculum import EMBED_SOURCE, EMBED_TARGET
from core.tasks.task import Compared

if TYPE_CHECKING:
    from core.tasks.qa.similarity import SentenceEncoder


class StoredLikeness:
    """See `core.tasks.task.Likeness`; the sentence encoder is loaded when it is first needed.

    Args:
        encoder: Its name: ``embedded``, a hub id or a folder.
        bench: Where vectors are kept, and where the encoder computes.
        tracker: Told how far it is.
    """

    def __init__(self, encoder: str, bench: Workbench, tracker: ProgressTracker) -> None:
        self._name = encoder
        self._bench = bench
        self._tracker = tracker
        self._made: dict[str, Compared] = {}

    @cached_property
    def _encoder(self) -> "SentenceEncoder":
        from core.tasks.qa.similarity import SentenceEncoder  # noqa: PLC0415  seconds, which most jobs spare

        return SentenceEncoder.load(self._name, device=self._bench.device)

    def source(self, examples: Sequence[QaExample]) -> Compared:
        """Return the texts of source examples and their vectors."""
        return self._once(EMBED_SOURCE, examples)

    def target(self, examples: Sequence[QaExample]) -> Compared:
        """Return the texts of target examples and their vectors."""
        return self._once(EMBED_TARGET, examples)

    def _once(self, stage: str, examples: Sequence[QaExample]) -> Compared:
        """Both meta stages ask for the same target, and one job has one of each."""
        if stage not in self._made:
            self._made[stage] = self._compared(stage, examples)
        return self._made[stage]

    def _compared(self, stage: str, examples: Sequence[QaExample]) -> Compared:
        self._tracker.begin(stage, len(examples))
        texts = self._encoder.triplet_texts(examples)
        content = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
        vectors = self._bench.store.vectors.of(
            content, self._encoder.fingerprint, texts=texts, embed=self._embed
        )
        return Compared(texts, vectors)

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encoder.vectors(texts, tell=lambda done, _: self._tracker.step(done))
