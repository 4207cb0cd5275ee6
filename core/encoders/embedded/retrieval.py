"""How well a sentence finds its translation among others: the build's own figure of merit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from core.encoders.embedded.corpus import Pair
from core.encoders.embedded.teacher import teacher_states

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Top-1 accuracy among held-out sentences, each way.

    Attributes:
        from_english: An English sentence finds its translation.
        to_english: A translation finds the English.
        tokens_per_english: Tokens of the translations over tokens of the English.
        unknown: Share of tokens that are unknown or single bytes.
    """

    from_english: float
    to_english: float
    tokens_per_english: float
    unknown: float

    @property
    def mean(self) -> float:
        """Of both ways."""
        return (self.from_english + self.to_english) / 2


def top_1(left: Vectors, right: Vectors) -> float:
    """Return how often row i of the one side is nearest, by cosine, to row i of the other.

    Args:
        left: [sentences, width].
        right: [sentences, width], in the same order.
    """
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (left, right)]
    nearest = (unit[0] @ unit[1].T).argmax(axis=1)
    return float((nearest == np.arange(len(left))).mean())


def sentence_vectors(model: PreTrainedModel, sentences: Sequence[Sequence[int]]) -> Vectors:
    """Return the mean last-layer state of each sentence, [sentences, width]."""
    return teacher_states(model, sentences, tell=lambda _: None).pooled()


def measure_retrieval(model: PreTrainedModel, tokenizer: Tokenizer, pairs: Sequence[Pair]) -> Retrieval:
    """Measure a model on held-out pairs of one language.

    Args:
        model: A student with its rows in place.
        tokenizer: Its own.
        pairs: Not seen in training.
    """
    english, target = (
        tokenizer.encode_batch(side, add_special_tokens=False)
        for side in ([pair.english for pair in pairs], [pair.target for pair in pairs])
    )
    left, right = (sentence_vectors(model, [one.ids for one in side]) for side in (english, target))
    pieces = [piece for one in target for piece in one.tokens]
    strange = sum(piece == "[UNK]" or piece.startswith("<0x") for piece in pieces)
    return Retrieval(
        from_english=top_1(left, right),
        to_english=top_1(right, left),
        tokens_per_english=len(pieces) / sum(len(one.ids) for one in english),
        unknown=strange / len(pieces),
    )
