"""Translation retrieval: the evaluation of a build."""

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
    """Top-1 accuracies of translation retrieval among held-out sentences.

    Attributes:
        from_english: Accuracy of retrieving a translation by its English sentence.
        to_english: Accuracy of retrieving an English sentence by its translation.
        tokens_per_english: Number of tokens of the translations per token of the English sentences.
        unknown: Share of tokens that are unknown or single bytes.
    """

    from_english: float
    to_english: float
    tokens_per_english: float
    unknown: float

    @property
    def mean(self) -> float:
        """Mean accuracy of both directions."""
        return (self.from_english + self.to_english) / 2


def top_1(left: Vectors, right: Vectors) -> float:
    """Return the share of rows i of one side whose nearest row of the other side, by cosine, is row i.

    Args:
        left: [sentences, width].
        right: [sentences, width], in the same order.
    """
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (left, right)]
    nearest = (unit[0] @ unit[1].T).argmax(axis=1)
    return float((nearest == np.arange(len(left))).mean())


def sentence_vectors(model: PreTrainedModel, sentences: Sequence[Sequence[int]]) -> Vectors:
    """Return the mean last-layer state of each sentence, [sentences, width]."""
    return teacher_states(model, sentences, report=lambda _: None).pooled()


def measure_retrieval(model: PreTrainedModel, tokenizer: Tokenizer, pairs: Sequence[Pair]) -> Retrieval:
    """Evaluate a model on held-out pairs of a language.

    Args:
        model: The student.
        tokenizer: Tokenizer of the student.
        pairs: Held-out pairs.
    """
    english, target = (
        tokenizer.encode_batch(side, add_special_tokens=False)
        for side in ([pair.english for pair in pairs], [pair.target for pair in pairs])
    )
    left, right = (sentence_vectors(model, [encoding.ids for encoding in side]) for side in (english, target))
    pieces = [piece for encoding in target for piece in encoding.tokens]
    unknown = sum(piece == "[UNK]" or piece.startswith("<0x") for piece in pieces)
    return Retrieval(
        from_english=top_1(left, right),
        to_english=top_1(right, left),
        tokens_per_english=len(pieces) / sum(len(encoding.ids) for encoding in english),
        unknown=unknown / len(pieces),
    )
