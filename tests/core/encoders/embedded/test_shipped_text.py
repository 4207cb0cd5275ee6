"""Offsets of the shipped tokenizer on real text of every language."""

from itertools import pairwise
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from core.encoders.embedded.artifact import TOKENIZER
from core.encoders.embedded.assembly import SHIPPED
from core.encoders.embedded.corpus import LANGUAGES, read_corpus
from core.encoders.embedded.normalization import WORD_MARK, normalizer

pytestmark = pytest.mark.data

MAX_MISMATCHES = 5
"""Tolerated mismatches among about 10,000 tokens per language: those that separate a letter from its mark,
as a Hindi nukta, or a Bengali vowel written as two characters."""


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(SHIPPED / TOKENIZER))


def sentences(data_folder: Path, language: str) -> list[str]:
    folder = data_folder / "parallel"
    if language == "en":
        return [pair.english for pair in read_corpus(folder, "es", seed=0).held_out]
    return [pair.target for pair in read_corpus(folder, language, seed=0).held_out]


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_offsets_refer_to_the_text_of_each_token(
    data_folder: Path, tokenizer: Tokenizer, language: str
) -> None:
    normalization = normalizer()
    mismatches = 0
    for text in sentences(data_folder, language):
        encoding = tokenizer.encode(text, add_special_tokens=False)
        starts = [start for start, _ in encoding.offsets]
        assert all(before <= after for before, after in pairwise(starts))
        covered = {index for start, end in encoding.offsets for index in range(start, end)}
        mismatches += sum(
            index not in covered
            and not character.isspace()
            and bool(normalization.normalize_str(character).strip())
            for index, character in enumerate(text)
        )
        for piece, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
            if piece == WORD_MARK or piece.startswith("<0x"):
                continue
            covered_text = normalization.normalize_str(text[start:end]).replace(" ", "")
            mismatches += covered_text != piece.removeprefix(WORD_MARK)
    assert mismatches <= MAX_MISMATCHES
