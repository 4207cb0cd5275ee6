"""The vocabulary: MiniLM's own pieces under their own numbers, those of every language, then bytes."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import sentencepiece
from tokenizers import Tokenizer, decoders, models, processors

from core.encoders.embedded.normalization import UNSPACED, WORD_MARK, normalizer, pre_tokenizer

BASE_SHARE: Final = 0.25
"""Of all probability, what the base's own pieces have; the languages share the rest."""

LONGEST: Final = 16
LONGEST_UNSPACED: Final = 6
"""Characters in a piece, at most; shorter where pieces would go on across words."""

PHRASE_RATIO: Final = 0.3
"""A piece whose two halves are each at least so common, beside it, is a phrase and no word."""

FIRST_WORD: Final = 1996
LAST_WORD: Final = 29600
"""Rows of BERT's vocabulary between which pieces stand in the order of their frequency."""

RARE_RANK: Final = 28000
WHOLE_WORD_GAIN: Final = 0.7
"""By how much an English whole word's log-probability lies above that of its likeliest cut in two."""

UNKNOWN: Final = 100
BEGIN: Final = 101
END: Final = 102
SPECIAL: Final = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

BYTE_SCORE: Final = -25.0
MARK_SCORE: Final = -12.0
NEVER: Final = 1e-30
RARE_CHARACTER: Final = 1e-9


def base_piece(word_piece: str) -> str:
    """Return a WordPiece of BERT's vocabulary as a Unigram piece: ``x`` → ``▁x``, ``##x`` → ``x``."""
    if word_piece.startswith("[") and word_piece.endswith("]") and len(word_piece) > 2:
        return word_piece
    if word_piece.startswith("##") and len(word_piece) > 2:
        return word_piece[2:]
    return WORD_MARK + word_piece


def spell(texts: Sequence[str]) -> list[str]:
    """Return texts as they are cut: normalised, words and punctuation marks parted by spaces."""
    normal, cut = normalizer(), pre_tokenizer()
    return [
        " ".join(word.removeprefix(WORD_MARK) for word, _ in cut.pre_tokenize_str(normal.normalize_str(text)))
        for text in texts
    ]


def learn_pieces(texts: Sequence[str], *, language: str, size: int) -> dict[str, float]:
    """Learn the pieces of one language (Unigram, Kudo 2018).

    Args:
        texts: Its sentences.
        language: Says whether words are parted by spaces.
        size: Pieces, about.

    Returns:
        Piece → probability; they sum to one.
    """
    unspaced = language in UNSPACED
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(spell(texts)),
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
    learnt = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    found: dict[str, float] = {}
    for index in range(learnt.get_piece_size()):
        if learnt.is_unknown(index):
            continue
        piece = learnt.id_to_piece(index)
        # The first word of a Thai or Japanese clause is no other word than the same one inside it.
        if unspaced and len(piece) > 1 and piece[0] == WORD_MARK and not piece[1].isascii():
            piece = piece[1:]
        found[piece] = found.get(piece, 0.0) + math.exp(learnt.get_score(index))
    words = without_phrases(found) if unspaced else found
    total = sum(words.values())
    return {piece: share / total for piece, share in words.items()}


def without_phrases(pieces: Mapping[str, float]) -> dict[str, float]:
    """Leave out what is two words written together: a slot that begins inside a piece has no tag.

    Thai "ในวัน" (on the day) goes, for "ใน" and "วัน" are pieces themselves, and common ones.

    Args:
        pieces: Piece → probability, of a language that writes no spaces.
    """

    def is_phrase(piece: str) -> bool:
        cuts = ((piece[:at], piece[at:]) for at in range(2, len(piece) - 1))
        return any(
            min(pieces.get(first, 0.0), pieces.get(second, 0.0)) > PHRASE_RATIO * pieces[piece]
            for first, second in cuts
        )

    return {piece: share for piece, share in pieces.items() if not is_phrase(piece)}


def build_tokenizer(base: Sequence[str], languages: Mapping[str, Mapping[str, float]]) -> Tokenizer:
    """Join the base's vocabulary and the languages' pieces into one Unigram tokenizer.

    Args:
        base: BERT's WordPieces in the order of their rows; piece i keeps number i.
        languages: Language → piece → probability.

    Returns:
        A tokenizer that puts [CLS] and [SEP] around a text and falls back on bytes.
    """
    kept = [base_piece(word_piece) for word_piece in base]
    shares = _base_shares(kept)
    for pieces in languages.values():
        for piece, share in pieces.items():
            shares[piece] = shares.get(piece, 0.0) + (1 - BASE_SHARE) / len(languages) * share
    for character in sorted({character for piece in shares for character in piece} | {WORD_MARK}):
        shares.setdefault(character, RARE_CHARACTER)
    scores = {piece: math.log(max(share, NEVER)) for piece, share in shares.items()}
    scores[WORD_MARK] = MARK_SCORE
    _prefer_whole_words(kept, scores)
    own = set(kept)
    new = [piece for piece in scores if piece not in own]
    vocabulary = [(piece, scores[piece]) for piece in [*kept, *new]]
    vocabulary += [(f"<0x{byte:02X}>", BYTE_SCORE) for byte in range(256)]
    return _assemble(vocabulary)


def _base_shares(kept: Sequence[str]) -> dict[str, float]:
    """Give the base's pieces Zipf's probabilities: BERT's rows stand in the order of frequency."""
    weights = np.zeros(len(kept))
    for row, piece in enumerate(kept):
        rank = row - FIRST_WORD if FIRST_WORD <= row < LAST_WORD else RARE_RANK
        is_special = len(piece) > 2 and piece[0] == "[" and piece[-1] == "]"
        weights[row] = 0.0 if is_special else 1 / (rank + 50)
    return dict(zip(kept, (BASE_SHARE * weights / weights.sum()).tolist(), strict=True))


def _prefer_whole_words(kept: Sequence[str], scores: dict[str, float]) -> None:
    """Raise each English word above its likeliest cut in two, so that English is cut as it always was."""
    for word in sorted((piece for piece in kept if piece[0] == WORD_MARK and len(piece) > 1), key=len):
        cuts = (scores.get(word[:at], -60.0) + scores.get(word[at:], -60.0) for at in range(1, len(word)))
        scores[word] = max(scores[word], max(cuts) + WHOLE_WORD_GAIN)


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
