"""A text as the tokens of an encoder, each with its characters."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import regex

from core.encoders.loading import Encoder

_GRAPHEME = regex.compile(r"\X")

_WORD_MARK = "▁"
"""What SentencePiece puts before a word: mostly a part of its first piece, sometimes a piece alone."""

CLUSTERS = 10_000
"""Grapheme clusters whose tokens are remembered."""


class Piece(NamedTuple):
    """One token of a text.

    Attributes:
        number: Its id.
        start: Its first character; 0 of a special token.
        end: The character after its last; 0 of a special token.
    """

    number: int
    start: int
    end: int


class PieceReader:
    """Cuts texts with one encoder's tokenizer; no text is ever cut short.

    Args:
        encoder: Whose tokenizer.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._tokenizer = encoder.tokenizer
        self._unknown = encoder.tokenizer.unk_token_id
        mark = encoder.tokenizer.convert_tokens_to_ids(_WORD_MARK)
        self.mark = mark if mark != self._unknown else None
        self.padding = int(encoder.tokenizer.pad_token_id or 0)
        # A script has some hundred clusters, and a text of it thousands: asking for each is seconds.
        self._cluster = lru_cache(CLUSTERS)(self._cluster_ids)

    def read(self, texts: Sequence[str], *, special_tokens: bool) -> list[list[Piece]]:
        """Return the tokens of each text.

        Args:
            texts: Any number.
            special_tokens: Whether to put the tokens around them that the encoder expects.
        """
        if not texts:
            return []
        encodings = self._tokenizer(
            list(texts), return_offsets_mapping=True, add_special_tokens=special_tokens, verbose=False
        )
        return [
            list(self._expanded(text, ids, offsets))
            for text, ids, offsets in zip(
                texts, encodings["input_ids"], encodings["offset_mapping"], strict=True
            )
        ]

    def _expanded(self, text: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]]) -> Iterator[Piece]:
        """Replace an unknown token of several characters by those of its grapheme clusters.

        WordPiece gives up on a whole word for one character it does not have; a word of a script
        without spaces is a sentence. The characters it does have are worth reading.
        """
        for number, (start, end) in zip(ids, offsets, strict=True):
            clusters = list(_GRAPHEME.finditer(text, start, end)) if number == self._unknown else []
            if len(clusters) < 2:
                yield Piece(number, start, end)
                continue
            for cluster in clusters:
                yield from (Piece(one, *cluster.span()) for one in self._cluster(cluster.group()) or [number])

    def _cluster_ids(self, cluster: str) -> list[int]:
        """Return the tokens of a grapheme cluster; it is not a word, so the mark of one is not its own."""
        inner = self._tokenizer(cluster, add_special_tokens=False)["input_ids"]
        return [piece for piece in inner if piece != self.mark]


def without_space(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Trim white space from an offset pair; None where nothing is left (special tokens, lone marks)."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
