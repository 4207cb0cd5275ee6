"""Tokens show whole letters of the text, without the white space around them."""

import unicodedata
from collections.abc import Callable
from functools import cache

import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.tasks.qa.tokens import Tokens
from core.tasks.tokenization import Piece, PieceReader
from tests.core.tasks.mtod.scripts import TOKENIZERS, script_encoder, script_texts
from tests.core.tasks.qa.asking import EXAMPLES

Read = Callable[[str, str], Tokens]
SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
every_tokenizer = pytest.mark.parametrize("name", TOKENIZERS)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Read a text with a tokenizer of `TOKENIZERS`."""

    @cache
    def reader(name: str) -> PieceReader:
        return PieceReader(script_encoder(name, tmp_path_factory.mktemp(name)))

    def tokens(name: str, text: str) -> Tokens:
        return Tokens.of(text, reader(name).read([text], special_tokens=False)[0])

    return tokens


def spelt(text: str, *offsets: tuple[int, int]) -> Tokens:
    return Tokens.of(text, [Piece(number, *offset) for number, offset in enumerate(offsets, start=7)])


def places(tokens: Tokens) -> list[tuple[int, int]]:
    return list(zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True))


def test_tokens_are_ids_and_offsets() -> None:
    tokens = spelt("go to Lima", (0, 2), (3, 5), (6, 10))

    assert len(tokens) == 3
    assert tokens.ids.tolist() == [7, 8, 9]
    assert places(tokens) == [(0, 2), (3, 5), (6, 10)]


def test_white_space_within_a_token_is_trimmed() -> None:
    assert places(spelt("go to\n Lima ", (0, 3), (2, 6), (5, 12))) == [(0, 2), (3, 5), (7, 11)]


def test_a_token_of_nothing_but_white_space_shows_nothing_but_may_stand_within_an_answer() -> None:
    tokens = spelt("go  on", (0, 2), (2, 4), (4, 6))

    assert places(tokens) == [(0, 2), (4, 2), (4, 6)]
    assert tokens.covering(0, 6) == (0, 2)
    assert tokens.covering(4, 6) == (2, 2)
    assert tokens.covering(0, 2) == (0, 0)
    assert tokens.covering(2, 4) is None


def test_a_lone_word_mark_without_characters_shows_nothing() -> None:
    assert places(spelt(" go", (0, 0), (0, 3))) == [(1, 0), (1, 3)]
    assert places(spelt("go ", (0, 2), (3, 3))) == [(0, 2), (3, 2)]


def test_tokens_within_one_letter_show_all_of_it() -> None:
    woman = "👩‍👩‍👧"
    assert places(spelt(f"a {woman}b", (0, 1), (2, 3), (4, 7), (7, 8))) == [(0, 1), (2, 7), (2, 7), (7, 8)]
    assert places(spelt("กั้น", (0, 1), (1, 2), (2, 4))) == [(0, 3), (0, 3), (0, 4)]
    assert places(spelt("की", (0, 1), (1, 2))) == [(0, 2), (0, 2)]


def test_a_text_without_tokens_has_none_and_covers_nothing() -> None:
    tokens = Tokens.of("\u200b", [])

    assert len(tokens) == 0
    assert tokens.covering(0, 1) is None


@every_tokenizer
@SETTINGS
@given(text=script_texts())
def test_no_token_begins_or_ends_with_white_space_or_within_a_letter(
    read: Read, name: str, text: str
) -> None:
    edges = {0, *(found.end() for found in regex.finditer(r"\X", text))}
    tokens = read(name, text)

    for start, end in places(tokens):
        assert 0 <= start <= len(text)
        assert 0 <= end <= len(text)
        if start < end:
            assert text[start:end] == text[start:end].strip()
            assert start in edges or text[start - 1].isspace()
            assert end in edges or text[end].isspace()


@every_tokenizer
@SETTINGS
@given(text=script_texts(), data=st.data())
def test_what_can_be_seen_is_covered_by_tokens_that_show_it(
    read: Read, name: str, text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    hidden = {"Cc", "Cf", "Zs"}
    seen = [place for place in range(start, end) if unicodedata.category(text[place]) not in hidden]
    tokens = read(name, text)

    held = tokens.covering(start, end)

    if seen:
        assert held is not None
        first, last = held
        assert tokens.starts[first] <= seen[0]
        assert tokens.ends[last] > seen[-1]
        assert first <= last


@every_tokenizer
@pytest.mark.parametrize("language", EXAMPLES)
def test_answers_are_covered_by_their_own_tokens(read: Read, name: str, language: str) -> None:
    example = EXAMPLES[language]
    (gold,) = example.answers
    tokens = read(name, example.context)

    held = tokens.covering(gold.answer_start, gold.end)

    assert held is not None
    assert example.context[tokens.starts[held[0]] : tokens.ends[held[1]]] == gold.text
