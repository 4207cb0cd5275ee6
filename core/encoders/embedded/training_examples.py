"""What a student learns from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence to read, and what it should look like.

    Attributes:
        pieces: Under the new tokenizer.
        english: Number of the English sentence whose states are imitated.
        alignment: Squared, [pieces, English pieces]; None where there is none to match.
    """

    pieces: Sequence[int]
    english: int
    alignment: NDArray[np.float32] | None
