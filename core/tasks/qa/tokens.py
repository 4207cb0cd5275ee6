"""A long text as tokens: three numbers a token, and no Python object for any of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import regex
import torch
from torch import Tensor

from core.tasks.tokenization import Piece

_GRAPHEME = regex.compile(r"\X")


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """The tokens of one text, each with what it shows of the text.

    Offsets are widened to whole grapheme clusters, so that no answer begins or ends within what a reader
    takes for one letter, and then trimmed of white space. A token that shows nothing (white space, a lone
    word mark) has its start at or after its end; it can be a part of an answer, but never all of it.

    Attributes:
        ids: [tokens], int32.
        starts: [tokens], int32; the first character of an answer that begins with this token.
        ends: [tokens], int32; the character after the last of an answer that ends with this token.
    """

    ids: Tensor
    starts: Tensor
    ends: Tensor

    def __len__(self) -> int:
        return self.ids.shape[0]

    @classmethod
    def of(cls, text: str, pieces: Sequence[Piece]) -> "Tokens":
        """Return the tokens of a text, without special ones."""
        ids, starts, ends = torch.tensor(pieces, dtype=torch.int32).reshape(-1, 3).unbind(1)  # [tokens] each
        return cls(ids.clone(), *_trimmed(text, *_widened(text, starts, ends)))

    def covering(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the first and the last token that show some of `text[start:end]`, or None."""
        held = ((self.starts < end) & (self.ends > start)).nonzero()  # [held, 1]
        return (int(held[0]), int(held[-1])) if len(held) else None


def _widened(text: str, starts: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """Move offsets [tokens] outwards to the edges of grapheme clusters."""
    edges = torch.tensor([0, *(found.end() for found in _GRAPHEME.finditer(text))], dtype=torch.int32)
    before = torch.searchsorted(edges, starts.contiguous(), right=True) - 1  # [tokens]
    after = torch.searchsorted(edges, ends.contiguous())  # [tokens]
    return edges[before], edges[after]


def _trimmed(text: str, starts: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """Move offsets [tokens] to the nearest characters that are no white space: inwards, if there are any."""
    shown = torch.tensor(
        [place for place, letter in enumerate(text) if not letter.isspace()], dtype=torch.int32
    )
    limits = torch.tensor([len(text), 0], dtype=torch.int32)
    following = torch.cat([shown, limits[:1]])  # [shown + 1]
    preceding = torch.cat([limits[1:], shown + 1])  # [shown + 1]
    return following[torch.searchsorted(shown, starts)], preceding[torch.searchsorted(shown, ends)]
