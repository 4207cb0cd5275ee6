"""Compact tokens of a long context: three integers per token in tensors, without Python objects."""

from collections.abc import Sequence
from dataclasses import dataclass

import regex
import torch
from torch import Tensor

from core.tasks.tokenization import Token

_GRAPHEME = regex.compile(r"\X")


@dataclass(frozen=True, slots=True, eq=False)
class ContextTokens:
    """The tokens of one context, each with the characters that it covers.

    Offsets are widened to whole grapheme clusters, so that no answer starts or ends within a user-perceived
    character, and then trimmed of white space. A token that covers nothing visible (white space, a lone
    word mark) has its start at or after its end; it can be a part of an answer, but never all of it.

    Attributes:
        ids: [tokens], int32.
        starts: [tokens], int32; first character of an answer that starts with this token.
        ends: [tokens], int32; one past the last character of an answer that ends with this token.
    """

    ids: Tensor
    starts: Tensor
    ends: Tensor

    def __len__(self) -> int:
        return self.ids.shape[0]

    @classmethod
    def of(cls, text: str, tokens: Sequence[Token]) -> "ContextTokens":
        """Return the tokens of a text, without special ones."""
        ids, starts, ends = torch.tensor(tokens, dtype=torch.int32).reshape(-1, 3).unbind(1)  # [tokens] each
        return cls(ids.clone(), *_trim(text, *_widen(text, starts, ends)))

    def covering(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the first and the last token that cover some of `text[start:end]`; None if none does."""
        covering = ((self.starts < end) & (self.ends > start)).nonzero()  # [covering, 1]
        return (int(covering[0]), int(covering[-1])) if len(covering) else None


def _widen(text: str, starts: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """Move offsets [tokens] outwards to the edges of grapheme clusters."""
    edges = torch.tensor([0, *(cluster.end() for cluster in _GRAPHEME.finditer(text))], dtype=torch.int32)
    before = torch.searchsorted(edges, starts.contiguous(), right=True) - 1  # [tokens]
    after = torch.searchsorted(edges, ends.contiguous())  # [tokens]
    return edges[before], edges[after]


def _trim(text: str, starts: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """Move offsets [tokens] inwards to characters that are not white space.

    The start of a token of white space alone moves beyond its end.
    """
    visible = torch.tensor(
        [index for index, character in enumerate(text) if not character.isspace()], dtype=torch.int32
    )
    limits = torch.tensor([len(text), 0], dtype=torch.int32)
    following = torch.cat([visible, limits[:1]])  # [visible + 1]
    preceding = torch.cat([limits[1:], visible + 1])  # [visible + 1]
    return following[torch.searchsorted(visible, starts)], preceding[torch.searchsorted(visible, ends)]
