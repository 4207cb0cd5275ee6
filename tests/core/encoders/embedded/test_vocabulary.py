import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from core.encoders.embedded.minilm import base_folder, base_vocabulary
from core.encoders.embedded.vocabulary import (
    LONGEST_UNSPACED,
    base_piece,
    build_tokenizer,
    learn_pieces,
    normalize,
    without_phrases,
)

HORAS = ("seis", "siete", "ocho", "nueve", "diez")
SPANISH = [f"pon una alarma para las {hora} de la mañana" for hora in HORAS]
THAI = [f"ปลุกฉันตอน{hour}โมงเช้าในวันพรุ่งนี้" for hour in ("หก", "เจ็ด", "แปด", "เก้า", "สิบ")]


@pytest.fixture(scope="module")
def vocabularies() -> dict[str, dict[str, float]]:
    return {
        "es": learn_pieces(SPANISH * 4, language="es", size=90),
        "th": learn_pieces(THAI * 4, language="th", size=90),
    }


@pytest.fixture(scope="module")
def tokenizer(vocabularies: dict[str, dict[str, float]]) -> Tokenizer:
    return build_tokenizer(base_vocabulary(), vocabularies)


def test_build_tokenizer_keeps_ids_of_the_base(tokenizer: Tokenizer) -> None:
    vocabulary = base_vocabulary()
    assert all(tokenizer.id_to_token(number) == base_piece(piece) for number, piece in enumerate(vocabulary))
    assert tokenizer.get_vocab_size() > len(vocabulary) + 256


def test_build_tokenizer_tokenizes_english_like_the_base(tokenizer: Tokenizer) -> None:
    base = Tokenizer.from_file(str(base_folder() / "tokenizer.json"))
    base.no_padding()
    for text in ("wake me up at nine on friday", "Will it rain tomorrow?", "remind me to call mom"):
        assert tokenizer.encode(text).ids == base.encode(text).ids


def test_build_tokenizer_uses_pieces_of_the_languages(tokenizer: Tokenizer) -> None:
    assert "▁manana" in tokenizer.encode("Por la MAÑANA").tokens
    assert "[UNK]" not in tokenizer.encode("ปลุกฉันตอนหกโมงเช้า").tokens


def test_build_tokenizer_falls_back_to_bytes(tokenizer: Tokenizer) -> None:
    encoding = tokenizer.encode("ꙮ", add_special_tokens=False)
    assert "[UNK]" not in encoding.tokens
    assert all(token == "▁" or token.startswith("<0x") for token in encoding.tokens)


def test_learn_pieces_of_unspaced_scripts_are_short_and_unmarked(
    vocabularies: dict[str, dict[str, float]],
) -> None:
    assert max(map(len, vocabularies["th"])) <= LONGEST_UNSPACED
    assert not any(piece[0] == "▁" and len(piece) > 1 for piece in vocabularies["th"])
    assert sum(vocabularies["th"].values()) == pytest.approx(1)


def test_without_phrases_removes_two_joined_words() -> None:
    pieces = {"ใน": 0.3, "วัน": 0.3, "ในวัน": 0.2, "นาฬิกา": 0.1, "กา": 0.1}
    assert without_phrases(pieces) == {"ใน": 0.3, "วัน": 0.3, "นาฬิกา": 0.1, "กา": 0.1}


def test_learn_pieces_is_deterministic(vocabularies: dict[str, dict[str, float]]) -> None:
    assert learn_pieces(SPANISH * 4, language="es", size=90) == vocabularies["es"]


def test_normalize_unifies_spelling() -> None:
    assert normalize(["¿Qué TIEMPO\thará?"]) == ["¿ que tiempo hara ?"]
    assert normalize(["الساعة ٧"]) == ["الساعة 7"]
    assert normalize(["ยามเช้า"]) == ["ยามเช้า"]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_token_offsets_are_ordered_and_cover_the_text(tokenizer: Tokenizer, text: str) -> None:
    encoding = tokenizer.encode(text, add_special_tokens=False)
    position = 0
    for start, end in encoding.offsets:
        assert 0 <= start <= end <= len(text)
        assert start >= position or end >= position  # the bytes of a character have the same offsets
        position = max(position, start)
    covered = {position for start, end in encoding.offsets for position in range(start, end)}
    missing = {text[position] for position in range(len(text)) if position not in covered}
    assert all(character.isspace() or _is_removable(character) for character in missing)


def _is_removable(character: str) -> bool:
    """Return whether normalization may remove a character: a mark or an invisible character."""
    decomposed = unicodedata.normalize("NFKD", character)
    return decomposed[0] == " " or unicodedata.category(character) in {
        "Mn",
        "Cf",
        "Lm",
        "Mc",
        "Me",
        "Cn",
        "Co",
    }
