"""Vocabulary of the student: MiniLM's tokens with their ids, then those of every language, then bytes."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import sentencepiece
from tokenizers import Tokenizer, decoders, models, processors

from core.encoders.embedded.normalization import UNSPACED, WORD_MARK, normalizer, pre_tokenizer

BASE_SHARE: Final = 0.25
"""Share of the probability mass for the base's tokens; the languages share the rest."""

LONGEST: Final = 16
LONGEST_UNSPACED: Final = 6
"""Maximum number of characters of a token; lower for scripts in which tokens would span words."""

PHRASE_RATIO: Final = 0.3
"""Relative frequency of both halves above which a token is a phrase of two words."""

FIRST_WORD: Final = 1996
LAST_WORD: Final = 29600
"""Range of BERT's vocabulary in which tokens are sorted by frequency."""

RARE_RANK: Final = 28000
WHOLE_WORD_GAIN: Final = 0.7
"""Margin of an English whole word's log-probability over that of its likeliest split in two."""

UNKNOWN: Final = 100
BEGIN: Final = 101
END: Final = 102
SPECIAL: Final = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

BYTE_SCORE: Final = -25.0
MARK_SCORE: Final = -12.0
NEVER: Final = 1e-30
RARE_CHARACTER: Final = 1e-9


def base_piece(word_piece: str) -> str:
    """Return a WordPiece token of BERT as a Unigram token: ``x`` → ``▁x``, ``##x`` → ``x``."""
    if word_piece.startswith("[") and word_piece.endswith("]") and len(word_piece) > 2:
        return word_piece
    if word_piece.startswith("##") and len(word_piece) > 2:
        return word_piece[2:]
    return WORD_MARK + word_piece


def normalize(texts: Sequence[str]) -> list[str]:
    """Return normalised texts, with words and punctuation marks separated by spaces."""
    normalization, splitting = normalizer(), pre_tokenizer()
    return [
        " ".join(
            word.removeprefix(WORD_MARK)
            for word, _ in splitting.pre_tokenize_str(normalization.normalize_str(text))
        )
        for text in texts
    ]


def learn_pieces(texts: Sequence[str], *, language: str, size: int) -> dict[str, float]:
    """Train a Unigram vocabulary (Kudo 2018) on the texts of a language.

    Args:
        texts: Sentences.
        language: Language tag, which determines whether words are separated by spaces.
        size: Approximate size of the vocabulary.

    Returns:
        Token → probability; probabilities sum to 1.
    """
    unspaced = language in UNSPACED
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(normalize(texts)),
        model_writer=model,
        model_type="unigram",
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        max_sentencepiece_length=LONGEST_UNSPACED if unspaced else LONGEST,
        split_by_unicode_script=False,
        num_threads=1,
        minloglevel=2,
        bos_id=-1,
        eos_id=-1,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    probabilities: dict[str, float] = {}
    for index in range(processor.get_piece_size()):
        if processor.is_unknown(index):
            continue
        piece = processor.id_to_piece(index)
        # The first word of a Thai or Japanese clause must have the same token as inside a clause.
        if unspaced and len(piece) > 1 and piece[0] == WORD_MARK and not piece[1].isascii():
            piece = piece[1:]
        probabilities[piece] = probabilities.get(piece, 0.0) + math.exp(processor.get_score(index))
    words = without_phrases(probabilities) if unspaced else probabilities
    total = sum(words.values())
    return {piece: share / total for piece, share in words.items()}


def without_phrases(pieces: Mapping[str, float]) -> dict[str, float]:
    """Remove tokens that consist of two words, because a slot that starts inside a token cannot be tagged.

    For example Thai "ในวัน" (on the day) is removed, because "ใน" and "วัน" are common tokens themselves.

    Args:
        pieces: Token → probability, for a language without spaces.
    """

    def is_phrase(piece: str) -> bool:
        splits = ((piece[:position], piece[position:]) for position in range(2, len(piece) - 1))
        return any(
            min(pieces.get(first, 0.0), pieces.get(second, 0.0)) > PHRASE_RATIO * pieces[piece]
            for first, second in splits
        )

    return {piece: share for piece, share in pieces.items() if not is_phrase(piece)}


def build_tokenizer(base: Sequence[str], languages: Mapping[str, Mapping[str, float]]) -> Tokenizer:
    """Build a Unigram tokenizer from the base's vocabulary and those of the languages.

    Args:
        base: BERT's WordPiece tokens in the order of their ids, which they keep.
        languages: Language → token → probability.

    Returns:
        A tokenizer with byte fallback that adds [CLS] and [SEP].
    """
    base_pieces = [base_piece(word_piece) for word_piece in base]
    shares = _base_shares(base_pieces)
    for pieces in languages.values():
        for piece, share in pieces.items():
            shares[piece] = shares.get(piece, 0.0) + (1 - BASE_SHARE) / len(languages) * share
    for character in sorted({character for piece in shares for character in piece} | {WORD_MARK}):
        shares.setdefault(character, RARE_CHARACTER)
    scores = {piece: math.log(max(share, NEVER)) for piece, share in shares.items()}
    scores[WORD_MARK] = MARK_SCORE
    _prefer_whole_words(base_pieces, scores)
    known = set(base_pieces)
    new = [piece for piece in scores if piece not in known]
    vocabulary = [(piece, scores[piece]) for piece in [*base_pieces, *new]]
    vocabulary += [(f"<0x{byte:02X}>", BYTE_SCORE) for byte in range(256)]
    return _assemble(vocabulary)


def _base_shares(base_pieces: Sequence[str]) -> dict[str, float]:
    """Return probabilities of the base's tokens by Zipf's law; BERT's vocabulary is sorted by frequency."""
    weights = np.zeros(len(base_pieces))
    for row, piece in enumerate(base_pieces):
        rank = row - FIRST_WORD if FIRST_WORD <= row < LAST_WORD else RARE_RANK
        is_special = len(piece) > 2 and piece[0] == "[" and piece[-1] == "]"
        weights[row] = 0.0 if is_special else 1 / (rank + 50)
    return dict(zip(base_pieces, (BASE_SHARE * weights / weights.sum()).tolist(), strict=True))


def _prefer_whole_words(base_pieces: Sequence[str], scores: dict[str, float]) -> None:
    """Raise each English word above its likeliest split, so that English is tokenized as by the base."""
    for word in sorted((piece for piece in base_pieces if piece[0] == WORD_MARK and len(piece) > 1), key=len):
        splits = (
            scores.get(word[:position], -60.0) + scores.get(word[position:], -60.0)
            for position in range(1, len(word))
        )
        scores[word] = max(scores[word], max(splits) + WHOLE_WORD_GAIN)


def _assemble(vocabulary: list[tuple[str, float]]) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=UNKNOWN, byte_fallback=True))
    tokenizer.normalizer = normalizer()
    tokenizer.pre_tokenizer = pre_tokenizer()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", BEGIN), ("[SEP]", END)],
    )
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer
