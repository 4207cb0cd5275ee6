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
    spell,
    without_phrases,
)

HORAS = ("seis", "siete", "ocho", "nueve", "diez")
SPANISH = [f"pon una alarma para las {hora} de la mañana" for hora in HORAS]
THAI = [f"ปลุกฉันตอน{hour}โมงเช้าในวันพรุ่งนี้" for hour in ("หก", "เจ็ด", "แปด", "เก้า", "สิบ")]


@pytest.fixture(scope="module")
def learnt() -> dict[str, dict[str, float]]:
    return {
        "es": learn_pieces(SPANISH * 4, language="es", size=90),
        "th": learn_pieces(THAI * 4, language="th", size=90),
    }


@pytest.fixture(scope="module")
def tokenizer(learnt: dict[str, dict[str, float]]) -> Tokenizer:
    return build_tokenizer(base_vocabulary(), learnt)


def test_the_bases_pieces_keep_their_numbers(tokenizer: Tokenizer) -> None:
    vocabulary = base_vocabulary()
    assert all(tokenizer.id_to_token(number) == base_piece(piece) for number, piece in enumerate(vocabulary))
    assert tokenizer.get_vocab_size() > len(vocabulary) + 256


def test_plain_english_is_cut_as_it_always_was(tokenizer: Tokenizer) -> None:
    own = Tokenizer.from_file(str(base_folder() / "tokenizer.json"))
    own.no_padding()
    for text in ("wake me up at nine on friday", "Will it rain tomorrow?", "remind me to call mom"):
        assert tokenizer.encode(text).ids == own.encode(text).ids


def test_what_was_learnt_is_used(tokenizer: Tokenizer) -> None:
    assert "▁manana" in tokenizer.encode("Por la MAÑANA").tokens
    assert "[UNK]" not in tokenizer.encode("ปลุกฉันตอนหกโมงเช้า").tokens


def test_characters_nobody_has_seen_are_bytes(tokenizer: Tokenizer) -> None:
    found = tokenizer.encode("ꙮ", add_special_tokens=False)
    assert "[UNK]" not in found.tokens
    assert all(token == "▁" or token.startswith("<0x") for token in found.tokens)


def test_pieces_of_unspaced_scripts_are_short_and_unmarked(learnt: dict[str, dict[str, float]]) -> None:
    assert max(map(len, learnt["th"])) <= LONGEST_UNSPACED
    assert not any(piece[0] == "▁" and len(piece) > 1 for piece in learnt["th"])
    assert sum(learnt["th"].values()) == pytest.approx(1)


def test_two_common_words_written_together_are_no_piece() -> None:
    pieces = {"ใน": 0.3, "วัน": 0.3, "ในวัน": 0.2, "นาฬิกา": 0.1, "กา": 0.1}
    assert without_phrases(pieces) == {"ใน": 0.3, "วัน": 0.3, "นาฬิกา": 0.1, "กา": 0.1}


def test_learning_twice_gives_the_same(learnt: dict[str, dict[str, float]]) -> None:
    assert learn_pieces(SPANISH * 4, language="es", size=90) == learnt["es"]


def test_texts_are_spelt_alike() -> None:
    assert spell(["¿Qué TIEMPO\thará?"]) == ["¿ que tiempo hara ?"]
    assert spell(["الساعة ٧"]) == ["الساعة 7"]
    assert spell(["ยามเช้า"]) == ["ยามเช้า"]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_every_token_covers_its_own_characters_in_order(tokenizer: Tokenizer, text: str) -> None:
    found = tokenizer.encode(text, add_special_tokens=False)
    position = 0
    for start, end in found.offsets:
        assert 0 <= start <= end <= len(text)
        assert start >= position or end >= position  # the bytes of one character share its place
        position = max(position, start)
    covered = {at for start, end in found.offsets for at in range(start, end)}
    missing = {text[at] for at in range(len(text)) if at not in covered}
    assert all(character.isspace() or _vanishes(character) for character in missing)


def _vanishes(character: str) -> bool:
    """Tell whether a character may leave nothing behind: a mark, or one of the invisible ones."""
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
