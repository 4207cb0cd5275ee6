"""Normalization and pre-tokenization of text; character offsets refer to the original text."""

import unicodedata

from tokenizers import Regex, normalizers, pre_tokenizers

WORD_MARK = "▁"
"""Prefix of the first token of a word; not used for scripts without spaces."""

UNSPACED = frozenset({"th", "zh", "ja"})
"""Languages of the build without spaces between words."""

# Combining Latin accents, Arabic vowel signs and the tatweel, zero-width characters and direction marks:
# MiniLM's own tokenizer drops accents, and all of these are left out more often than written.
_DROPPED = "[\u0300-\u036f\u064b-\u065f\u0670\u0640\u200b-\u200f\ufeff]"

_UNICODE_DIGITS = [
    "".join(chr(point) for point in range(0x80, 0x11000) if unicodedata.decimal(chr(point), None) == digit)
    for digit in range(10)
]


def normalizer() -> normalizers.Normalizer:
    """Return the normalizer: lower case, no accents, composed letters, ASCII digits."""
    digits = [
        normalizers.Replace(Regex(f"[{native}]"), str(digit)) for digit, native in enumerate(_UNICODE_DIGITS)
    ]
    return normalizers.Sequence(
        [
            normalizers.NFKD(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(_DROPPED), ""),
            normalizers.NFKC(),
            *digits,
        ]
    )


def pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    """Return the pre-tokenizer: splits at spaces and around punctuation, and marks starts of words."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation("isolated"),
            pre_tokenizers.Metaspace(replacement=WORD_MARK, prepend_scheme="always", split=False),
        ]
    )
