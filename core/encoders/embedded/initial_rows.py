"""Where a new piece begins in the space of embeddings: at the English pieces it is aligned with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.encoders.embedded.training_examples import Example

SURE: Final = 0.02
"""Squared alignment from which a pair of pieces counts."""

NEIGHBOURS: Final = 5
"""English rows a new row is the mean of, at most."""

FAINT: Final = 0.1
"""Of the strongest neighbour's mass: weaker ones are noise."""

ENOUGH: Final = 0.1
"""Mass a new piece needs to be placed by alignment; the others begin at the mean of all words."""

FALSE_FRIEND: Final = 0.5
"""Share of its alignments that a base piece must have with itself to mean in other languages what it
means in English ("die", "me" do not)."""

MOSTLY_FOREIGN: Final = 8
"""How many times as often as in English a false friend must occur elsewhere to leave its place at once."""

FOREIGN_PULL: Final = 0.7

Float = NDArray[np.float32]


@dataclass(slots=True)
class Evidence:
    """What the alignments of all languages say of each piece.

    Args:
        pieces: Size of the whole vocabulary.
        base: How many of them are the base's.

    Attributes:
        mass: (piece, English piece) → squared alignment, summed; as key piece · base + English piece.
        foreign: Piece → occurrences in translations.
        english: Piece → occurrences in English.
    """

    pieces: int
    base: int
    foreign: NDArray[np.float64] = field(init=False)
    english: NDArray[np.float64] = field(init=False)
    _keys: list[NDArray[np.int64]] = field(default_factory=list, init=False)
    _masses: list[NDArray[np.float64]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.foreign = np.zeros(self.pieces)
        self.english = np.zeros(self.pieces)

    def add_english(self, sentences: Iterable[Sequence[int]]) -> None:
        """Count the pieces of English sentences under the new tokenizer."""
        for sentence in sentences:
            np.add.at(self.english, np.asarray(sentence, np.int64), 1)

    def add_language(self, english: Sequence[Sequence[int]], examples: Sequence[Example]) -> None:
        """Count one language's aligned sentences.

        Args:
            english: Sentences under the base's own tokenizer; examples name them by number.
            examples: Their translations with squared alignments.
        """
        keys, masses = [], []
        for example in examples:
            if example.alignment is None:
                continue
            pieces = np.asarray(example.pieces, np.int64)
            np.add.at(self.foreign, pieces, 1)
            row, column = np.nonzero(example.alignment > SURE)
            keys.append(pieces[row] * self.base + np.asarray(english[example.english], np.int64)[column])
            masses.append(example.alignment[row, column].astype(np.float64))
        found, place = np.unique(np.concatenate([*keys, np.zeros(0, np.int64)]), return_inverse=True)
        self._keys.append(found)
        self._masses.append(_summed(place, masses, len(found)))

    def neighbours(self) -> "Neighbours":
        """Return, for every piece, the English pieces it is aligned with, the strongest first."""
        keys = np.concatenate([*self._keys, np.zeros(0, np.int64)])
        found, place = np.unique(keys, return_inverse=True)
        mass = _summed(place, self._masses, len(found))
        pieces, english = np.divmod(found, self.base)
        order = np.lexsort((-mass, pieces))
        return Neighbours(pieces[order], english[order], mass[order])


def _summed(
    place: NDArray[np.int64], masses: Sequence[NDArray[np.float64]], count: int
) -> NDArray[np.float64]:
    """Return the sum of the masses at each place."""
    return np.bincount(place, np.concatenate([*masses, np.zeros(0)]), count).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Alignments sorted by piece and then by mass.

    Attributes:
        pieces: The piece of each entry.
        english: The English piece.
        mass: How much they are aligned.
    """

    pieces: NDArray[np.int64]
    english: NDArray[np.int64]
    mass: NDArray[np.float64]

    def of(self, piece: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the English pieces of one piece with their masses, the strongest first."""
        start, end = np.searchsorted(self.pieces, [piece, piece + 1])
        return self.english[start:end], self.mass[start:end]


@dataclass(frozen=True, slots=True)
class InitialRows:
    """Where training begins.

    Attributes:
        embeddings: [pieces, width]; the base's rows first.
        trainable: [pieces]; all new rows, and the base's false friends.
        aligned: New rows that alignment placed.
    """

    embeddings: Float
    trainable: NDArray[np.bool_]
    aligned: int


def initial_rows(base: Float, evidence: Evidence, *, seed: int) -> InitialRows:
    """Place every new row, and free the false friends among the base's.

    Args:
        base: [base pieces, width].
        evidence: Alignments of all languages.
        seed: Of the noise that parts rows without any alignment.
    """
    count, width = base.shape
    neighbours = evidence.neighbours()
    embeddings = np.zeros((evidence.pieces, width), np.float32)
    embeddings[:count] = base
    trainable = np.zeros(evidence.pieces, bool)
    trainable[count:] = True
    middle, noise = base.mean(axis=0), np.random.default_rng(seed)
    aligned = 0
    for piece in range(count, evidence.pieces):
        english, mass = neighbours.of(piece)
        if mass.sum() > ENOUGH:
            embeddings[piece] = _mean_row(base, english, mass)
            aligned += 1
        else:
            embeddings[piece] = middle + noise.normal(0, 0.01, width)
    for piece in np.flatnonzero(evidence.foreign[:count] >= 2).tolist():
        english, mass = neighbours.of(piece)
        if not _is_false_friend(piece, english, mass, evidence):
            continue
        trainable[piece] = True
        if evidence.foreign[piece] > MOSTLY_FOREIGN * evidence.english[piece] and mass.sum() > ENOUGH:
            pulled = FOREIGN_PULL * _mean_row(base, english, mass)
            embeddings[piece] = (1 - FOREIGN_PULL) * base[piece] + pulled
    return InitialRows(embeddings, trainable, aligned)


def _mean_row(base: Float, english: NDArray[np.int64], mass: NDArray[np.float64]) -> Float:
    """Return the mean of the nearest English rows, by mass, at the mean of their lengths."""
    near, weights = english[:NEIGHBOURS], mass[:NEIGHBOURS]
    weights = np.where(weights < FAINT * weights[0], 0.0, weights)
    weights = weights / weights.sum()
    rows = base[near]
    mean = weights @ rows
    length = weights @ np.linalg.norm(rows, axis=1)
    row: Float = (mean * length / max(np.linalg.norm(mean), 1e-12)).astype(np.float32)
    return row


def _is_false_friend(
    piece: int, english: NDArray[np.int64], mass: NDArray[np.float64], evidence: Evidence
) -> bool:
    """Tell whether a base piece is common elsewhere and means something else there."""
    if evidence.foreign[piece] < 0.3 * evidence.english[piece]:
        return False
    own = float(mass[english == piece].sum())
    total = float(mass.sum())
    return total == 0 or own / total <= FALSE_FRIEND
