"""Tokenisation of texts into subword tokens with character offsets."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import regex

from core.encoders.loading import Encoder

_GRAPHEME = regex.compile(r"\X")

_WORD_MARK = "▁"
"""SentencePiece's mark before a word: usually a part of its first token, sometimes a token by itself."""

CACHED_CLUSTERS = 10_000
"""Grapheme clusters whose tokens are cached."""


class Token(NamedTuple):
    """A subword token of a text.

    Attributes:
        id: Token id.
        start: First character; 0 for a special token.
        end: One past the last character; 0 for a special token.
    """

    id: int
    start: int
    end: int


class OffsetTokenizer:
    """Tokenizes texts with an encoder's tokenizer, with character offsets and without truncation.

    Args:
        encoder: The encoder whose tokenizer is used.

    Attributes:
        word_mark_id: Token id of a lone word mark; None if the vocabulary has none.
        padding: Token id of padding.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._tokenizer = encoder.tokenizer
        self._unknown_id = encoder.tokenizer.unk_token_id
        word_mark_id = encoder.tokenizer.convert_tokens_to_ids(_WORD_MARK)
        self.word_mark_id = word_mark_id if word_mark_id != self._unknown_id else None
        self.padding = int(encoder.tokenizer.pad_token_id or 0)
        # A script has some hundred clusters, and a text of it thousands: tokenizing each anew takes seconds.
        self._cached_cluster_ids = lru_cache(CACHED_CLUSTERS)(self._cluster_ids)

    def tokenize(self, texts: Sequence[str], *, special_tokens: bool) -> list[list[Token]]:
        """Return the tokens of each text.

        Args:
            texts: Any number of texts.
            special_tokens: Whether to add the special tokens that the encoder expects around a text.
        """
        if not texts:
            return []
        encodings = self._tokenizer(
            list(texts), return_offsets_mapping=True, add_special_tokens=special_tokens, verbose=False
        )
        return [
            list(self._expand_unknown(text, ids, offsets))
            for text, ids, offsets in zip(
                texts, encodings["input_ids"], encodings["offset_mapping"], strict=True
            )
        ]

    def _expand_unknown(
        self, text: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]]
    ) -> Iterator[Token]:
        """Replace an unknown token of several characters by the tokens of its grapheme clusters.

        WordPiece maps a whole word to the unknown token if its vocabulary lacks one of the characters; in a
        script without spaces a word is a sentence. The characters that it does have carry information.
        """
        for token_id, (start, end) in zip(ids, offsets, strict=True):
            clusters = list(_GRAPHEME.finditer(text, start, end)) if token_id == self._unknown_id else []
            if len(clusters) < 2:
                yield Token(token_id, start, end)
                continue
            for cluster in clusters:
                cluster_ids = self._cached_cluster_ids(cluster.group()) or [token_id]
                yield from (Token(cluster_id, *cluster.span()) for cluster_id in cluster_ids)

    def _cluster_ids(self, cluster: str) -> list[int]:
        """Return the token ids of a grapheme cluster, without a word mark: it is not a word by itself."""
        ids = self._tokenizer(cluster, add_special_tokens=False)["input_ids"]
        return [token_id for token_id in ids if token_id != self.word_mark_id]


def trim_whitespace(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Trim white space from an offset pair.

    Returns:
        None if the span is empty, as it is for special tokens and lone word marks.
    """
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
