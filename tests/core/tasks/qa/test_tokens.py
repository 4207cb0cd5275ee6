"""Test that tokens of a context cover whole characters without surrounding white space."""

import unicodedata
from collections.abc import Callable
from functools import cache

import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.tasks.qa.tokens import ContextTokens
from core.tasks.tokenization import OffsetTokenizer, Token
from tests.core.tasks.mtod.writing_systems import TOKENIZERS, script_encoder, script_texts
from tests.core.tasks.qa.qa_examples import EXAMPLES

Tokenize = Callable[[str, str], ContextTokens]
SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
every_tokenizer = pytest.mark.parametrize("name", TOKENIZERS)


@pytest.fixture(scope="module")
def tokenize(tmp_path_factory: pytest.TempPathFactory) -> Tokenize:
    """Return a function from a name in `TOKENIZERS` and a text to the text's tokens."""

    @cache
    def tokenizer(name: str) -> OffsetTokenizer:
        return OffsetTokenizer(script_encoder(name, tmp_path_factory.mktemp(name)))

    def tokens(name: str, text: str) -> ContextTokens:
        return ContextTokens.of(text, tokenizer(name).tokenize([text], special_tokens=False)[0])

    return tokens


def tokens_at(text: str, *offsets: tuple[int, int]) -> ContextTokens:
    return ContextTokens.of(text, [Token(token_id, *pair) for token_id, pair in enumerate(offsets, start=7)])


def offsets_of(tokens: ContextTokens) -> list[tuple[int, int]]:
    return list(zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True))


def test_context_tokens_have_ids_and_offsets() -> None:
    tokens = tokens_at("go to Lima", (0, 2), (3, 5), (6, 10))

    assert len(tokens) == 3
    assert tokens.ids.tolist() == [7, 8, 9]
    assert offsets_of(tokens) == [(0, 2), (3, 5), (6, 10)]


def test_white_space_of_token_is_trimmed() -> None:
    assert offsets_of(tokens_at("go to\n Lima ", (0, 3), (2, 6), (5, 12))) == [(0, 2), (3, 5), (7, 11)]


def test_white_space_token_covers_nothing_visible() -> None:
    tokens = tokens_at("go  on", (0, 2), (2, 4), (4, 6))

    assert offsets_of(tokens) == [(0, 2), (4, 2), (4, 6)]
    assert tokens.covering(0, 6) == (0, 2)
    assert tokens.covering(4, 6) == (2, 2)
    assert tokens.covering(0, 2) == (0, 0)
    assert tokens.covering(2, 4) is None


def test_lone_word_mark_covers_nothing_visible() -> None:
    assert offsets_of(tokens_at(" go", (0, 0), (0, 3))) == [(1, 0), (1, 3)]
    assert offsets_of(tokens_at("go ", (0, 2), (3, 3))) == [(0, 2), (3, 2)]


def test_offsets_within_grapheme_cluster_are_widened() -> None:
    emoji = "👩‍👩‍👧"
    assert offsets_of(tokens_at(f"a {emoji}b", (0, 1), (2, 3), (4, 7), (7, 8))) == [
        (0, 1),
        (2, 7),
        (2, 7),
        (7, 8),
    ]
    assert offsets_of(tokens_at("กั้น", (0, 1), (1, 2), (2, 4))) == [(0, 3), (0, 3), (0, 4)]
    assert offsets_of(tokens_at("की", (0, 1), (1, 2))) == [(0, 2), (0, 2)]


def test_text_without_tokens_has_no_covering_tokens() -> None:
    tokens = ContextTokens.of("\u200b", [])

    assert len(tokens) == 0
    assert tokens.covering(0, 1) is None


@every_tokenizer
@SETTINGS
@given(text=script_texts())
def test_tokens_cover_whole_clusters_without_white_space(tokenize: Tokenize, name: str, text: str) -> None:
    edges = {0, *(cluster.end() for cluster in regex.finditer(r"\X", text))}
    tokens = tokenize(name, text)

    for start, end in offsets_of(tokens):
        assert 0 <= start <= len(text)
        assert 0 <= end <= len(text)
        if start < end:
            assert text[start:end] == text[start:end].strip()
            assert start in edges or text[start - 1].isspace()
            assert end in edges or text[end].isspace()


@every_tokenizer
@SETTINGS
@given(text=script_texts(), data=st.data())
def test_covering_tokens_include_visible_characters(
    tokenize: Tokenize, name: str, text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    hidden = {"Cc", "Cf", "Zs"}
    visible = [index for index in range(start, end) if unicodedata.category(text[index]) not in hidden]
    tokens = tokenize(name, text)

    covering = tokens.covering(start, end)

    if visible:
        assert covering is not None
        first, last = covering
        assert tokens.starts[first] <= visible[0]
        assert tokens.ends[last] > visible[-1]
        assert first <= last


@every_tokenizer
@pytest.mark.parametrize("language", EXAMPLES)
def test_covering_tokens_of_answer_match_its_text(tokenize: Tokenize, name: str, language: str) -> None:
    example = EXAMPLES[language]
    (gold,) = example.answers
    tokens = tokenize(name, example.context)

    covering = tokens.covering(gold.answer_start, gold.end)

    assert covering is not None
    assert example.context[tokens.starts[covering[0]] : tokens.ends[covering[1]]] == gold.text
