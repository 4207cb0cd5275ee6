"""The shipped tokenizer on real text of every language: its pieces lead back to the characters."""

from itertools import pairwise
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from core.encoders.embedded.artifact import TOKENIZER
from core.encoders.embedded.assembly import SHIPPED
from core.encoders.embedded.corpus import LANGUAGES, read_corpus
from core.encoders.embedded.normalization import WORD_MARK, normalizer

pytestmark = pytest.mark.data

ODD = 5
"""Of about 10,000 pieces a language, those that may part a letter from its mark: a Hindi nukta, a Bengali
vowel written as two."""


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(SHIPPED / TOKENIZER))


def sentences(data_folder: Path, language: str) -> list[str]:
    folder = data_folder / "parallel"
    if language == "en":
        return [pair.english for pair in read_corpus(folder, "es", seed=0).held_out]
    return [pair.target for pair in read_corpus(folder, language, seed=0).held_out]


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_offsets_lead_back_to_what_a_piece_was_made_of(
    data_folder: Path, tokenizer: Tokenizer, language: str
) -> None:
    normal = normalizer()
    odd = 0
    for text in sentences(data_folder, language):
        encoding = tokenizer.encode(text, add_special_tokens=False)
        starts = [start for start, _ in encoding.offsets]
        assert all(before <= after for before, after in pairwise(starts))
        covered = {index for start, end in encoding.offsets for index in range(start, end)}
        odd += sum(
            index not in covered and not character.isspace() and bool(normal.normalize_str(character).strip())
            for index, character in enumerate(text)
        )
        for piece, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
            if piece == WORD_MARK or piece.startswith("<0x"):
                continue
            spelt = normal.normalize_str(text[start:end]).replace(" ", "")
            odd += spelt != piece.removeprefix(WORD_MARK)
    assert odd <= ODD
