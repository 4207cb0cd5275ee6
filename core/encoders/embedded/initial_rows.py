"""Initial embeddings of new tokens: the mean of the English tokens that they are aligned with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.encoders.embedded.training_examples import Example

MIN_ALIGNMENT: Final = 0.02
"""Squared alignment above which a pair of tokens counts."""

NEIGHBOURS: Final = 5
"""Maximum number of English rows that a new row is the mean of."""

MIN_RELATIVE_MASS: Final = 0.1
"""Mass relative to the strongest neighbour; weaker neighbours are noise."""

MIN_MASS: Final = 0.1
"""Mass that a new token needs to be initialised by alignment; others start at the mean of all rows."""

FALSE_FRIEND: Final = 0.5
"""Share of alignments with itself up to which a base token is a false friend: it has another meaning in other
languages than in English ("die", "me")."""

MOSTLY_FOREIGN: Final = 8
"""Frequency in other languages, relative to English, above which a false friend is re-initialised."""

FOREIGN_PULL: Final = 0.7
"""Weight of the aligned rows in a re-initialised false friend."""

Float = NDArray[np.float32]


@dataclass(slots=True)
class Evidence:
    """Alignments of all languages, accumulated per token.

    Args:
        pieces: Size of the whole vocabulary.
        base: Size of the base's vocabulary.

    Attributes:
        foreign: Token → number of occurrences in translations.
        english: Token → number of occurrences in English.
    """

    pieces: int
    base: int
    foreign: NDArray[np.float64] = field(init=False)
    english: NDArray[np.float64] = field(init=False)
    # Token pairs as token · base + English token, and their summed squared alignments.
    _keys: list[NDArray[np.int64]] = field(default_factory=list, init=False)
    _masses: list[NDArray[np.float64]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.foreign = np.zeros(self.pieces)
        self.english = np.zeros(self.pieces)

    def add_english(self, sentences: Iterable[Sequence[int]]) -> None:
        """Count the tokens of English sentences from the new tokenizer."""
        for sentence in sentences:
            np.add.at(self.english, np.asarray(sentence, np.int64), 1)

    def add_language(self, english: Sequence[Sequence[int]], examples: Sequence[Example]) -> None:
        """Add the aligned sentences of a language.

        Args:
            english: Token ids of English sentences from the base's tokenizer, which examples refer to by
                index.
            examples: Translations with squared alignments.
        """
        keys, masses = [], []
        for example in examples:
            if example.alignment is None:
                continue
            pieces = np.asarray(example.pieces, np.int64)
            np.add.at(self.foreign, pieces, 1)
            row, column = np.nonzero(example.alignment > MIN_ALIGNMENT)
            keys.append(pieces[row] * self.base + np.asarray(english[example.english], np.int64)[column])
            masses.append(example.alignment[row, column].astype(np.float64))
        pairs, inverse = np.unique(np.concatenate([*keys, np.zeros(0, np.int64)]), return_inverse=True)
        self._keys.append(pairs)
        self._masses.append(_sum_by_pair(inverse, masses, len(pairs)))

    def neighbours(self) -> "Neighbours":
        """Return the English tokens that each token is aligned with, sorted by descending mass."""
        keys = np.concatenate([*self._keys, np.zeros(0, np.int64)])
        pairs, inverse = np.unique(keys, return_inverse=True)
        mass = _sum_by_pair(inverse, self._masses, len(pairs))
        pieces, english = np.divmod(pairs, self.base)
        order = np.lexsort((-mass, pieces))
        return Neighbours(pieces[order], english[order], mass[order])


def _sum_by_pair(
    inverse: NDArray[np.int64], masses: Sequence[NDArray[np.float64]], count: int
) -> NDArray[np.float64]:
    """Return the sum of the masses of each token pair."""
    return np.bincount(inverse, np.concatenate([*masses, np.zeros(0)]), count).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Alignments sorted by token, then by descending mass.

    Attributes:
        pieces: Token of each alignment.
        english: English token of each alignment.
        mass: Summed squared alignment.
    """

    pieces: NDArray[np.int64]
    english: NDArray[np.int64]
    mass: NDArray[np.float64]

    def of(self, piece: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the English tokens of a token and their masses, sorted by descending mass."""
        start, end = np.searchsorted(self.pieces, [piece, piece + 1])
        return self.english[start:end], self.mass[start:end]


@dataclass(frozen=True, slots=True)
class InitialRows:
    """Initial state of the training.

    Attributes:
        embeddings: [pieces, width]; the base's rows come first.
        trainable: [pieces]; all new rows, and false friends of the base.
        aligned: Number of new rows that were initialised by alignment.
    """

    embeddings: Float
    trainable: NDArray[np.bool_]
    aligned: int


def initial_rows(base: Float, evidence: Evidence, *, seed: int) -> InitialRows:
    """Initialise every new row, and make the false friends of the base trainable.

    Args:
        base: Embeddings of the base, [base pieces, width].
        evidence: Alignments of all languages.
        seed: Random seed of the noise that distinguishes rows without alignments.
    """
    count, width = base.shape
    neighbours = evidence.neighbours()
    embeddings = np.zeros((evidence.pieces, width), np.float32)
    embeddings[:count] = base
    trainable = np.zeros(evidence.pieces, bool)
    trainable[count:] = True
    center, generator = base.mean(axis=0), np.random.default_rng(seed)
    aligned = 0
    for piece in range(count, evidence.pieces):
        english, mass = neighbours.of(piece)
        if mass.sum() > MIN_MASS:
            embeddings[piece] = _mean_row(base, english, mass)
            aligned += 1
        else:
            embeddings[piece] = center + generator.normal(0, 0.01, width)
    for piece in np.flatnonzero(evidence.foreign[:count] >= 2).tolist():
        english, mass = neighbours.of(piece)
        if not _is_false_friend(piece, english, mass, evidence):
            continue
        trainable[piece] = True
        if evidence.foreign[piece] > MOSTLY_FOREIGN * evidence.english[piece] and mass.sum() > MIN_MASS:
            pulled = FOREIGN_PULL * _mean_row(base, english, mass)
            embeddings[piece] = (1 - FOREIGN_PULL) * base[piece] + pulled
    return InitialRows(embeddings, trainable, aligned)


def _mean_row(base: Float, english: NDArray[np.int64], mass: NDArray[np.float64]) -> Float:
    """Return the weighted mean of the strongest English rows, scaled to the mean of their norms."""
    nearest, weights = english[:NEIGHBOURS], mass[:NEIGHBOURS]
    weights = np.where(weights < MIN_RELATIVE_MASS * weights[0], 0.0, weights)
    weights = weights / weights.sum()
    rows = base[nearest]
    mean = weights @ rows
    length = weights @ np.linalg.norm(rows, axis=1)
    row: Float = (mean * length / max(np.linalg.norm(mean), 1e-12)).astype(np.float32)
    return row


def _is_false_friend(
    piece: int, english: NDArray[np.int64], mass: NDArray[np.float64], evidence: Evidence
) -> bool:
    """Return whether a base token is common in other languages and has another meaning there."""
    if evidence.foreign[piece] < 0.3 * evidence.english[piece]:
        return False
    own = float(mass[english == piece].sum())
    total = float(mass.sum())
    return total == 0 or own / total <= FALSE_FRIEND
