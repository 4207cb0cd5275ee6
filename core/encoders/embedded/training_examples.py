"""Training examples of the distillation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence and its target.

    Attributes:
        pieces: Token ids from the new tokenizer.
        english: Index of the English sentence whose states are the target.
        alignment: Squared alignment, [pieces, English pieces]; None to match the sentence vector only.
    """

    pieces: Sequence[int]
    english: int
    alignment: NDArray[np.float32] | None
