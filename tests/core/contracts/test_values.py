"""Validation of value types."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from core.contracts.values import (
    MAX_TEXT_LENGTH,
    Contract,
    Identifier,
    Label,
    LanguageTag,
    Text,
    canonical_language,
    now,
    printable_text,
)

IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
LABEL: TypeAdapter[str] = TypeAdapter(Label)
LANGUAGE: TypeAdapter[str] = TypeAdapter(LanguageTag)
TEXT: TypeAdapter[str] = TypeAdapter(Text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text is empty"),
        (" \t\n\u3000", "the text is empty"),
        ("wake\0 me", r"character 4 is NUL \(U\+0000\)"),
        ("\ud83d\ude00", r"character 0 is a lone surrogate \(U\+D83D\)"),
        ("ok \udfff", r"character 3 is a lone surrogate \(U\+DFFF\)"),
        ("a" * (MAX_TEXT_LENGTH + 1), "the text has 2001 characters; the limit is 2000"),
    ],
)
def test_printable_text_refuses_invalid_texts_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        printable_text(text)
    with pytest.raises(ValidationError, match=message):
        TEXT.validate_python(text)


@pytest.mark.parametrize(
    "text",
    ["a", "\u200b", "  padded  ", "two\nlines", "ปลุกฉัน", "👩‍👩‍👧 🇪🇸", "\U0010ffff", "a" * MAX_TEXT_LENGTH],
)
def test_printable_text_returns_other_texts_unchanged(text: str) -> None:
    assert printable_text(text) == text


@pytest.mark.parametrize("unit", ["a", " ", "\0", "\ud800", "ก", "👩"])
def test_printable_text_checks_the_length_first(unit: str) -> None:
    text = unit * 2**20

    started_at = time.perf_counter()
    with pytest.raises(ValueError, match="1048576 characters"):
        printable_text(text)

    assert time.perf_counter() - started_at < 0.01


@pytest.mark.parametrize("value", ["a", "a-b_C9", "x" * 64, "0" * 64])
def test_identifier_accepts_letters_digits_dashes_and_underscores(value: str) -> None:
    assert IDENTIFIER.validate_python(value) == value


@pytest.mark.parametrize(
    "value",
    ["", "..", "../a", "a/b", "a\\b", "a.b", "a b", "a\n", "a\0", "x" * 65, "ä", "%2e%2e", "a\ud800", "~"],
)
def test_identifier_refuses_paths(value: str) -> None:
    with pytest.raises(ValidationError):
        IDENTIFIER.validate_python(value)


@pytest.mark.parametrize("value", ["alarm/set", "B-time", "tiempo:mañana", "ตั้งปลุก", "x" * 128])
def test_label_accepts_any_text_without_white_space(value: str) -> None:
    assert LABEL.validate_python(value) == value


@pytest.mark.parametrize("value", ["", "a b", "a\n", "a\u3000b", "a\0", "a\x1f", "a\ud800", "x" * 129])
def test_label_refuses_white_space_and_control_characters(value: str) -> None:
    with pytest.raises(ValidationError):
        LABEL.validate_python(value)


@pytest.mark.parametrize(
    ("tag", "canonical"),
    [
        ("es", "es"),
        ("ES", "es"),
        ("pt-br", "pt-BR"),
        ("es_XX", "es-XX"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("iw", "he"),
        ("en-latn-us", "en-US"),
        ("es-419", "es-419"),
        ("und", "und"),
    ],
)
def test_language_tag_becomes_canonical(tag: str, canonical: str) -> None:
    assert LANGUAGE.validate_python(tag) == canonical
    assert canonical_language(canonical) == canonical


@pytest.mark.parametrize(
    "tag",
    ["", "e", "xx", "base", "spanish", "es ", "es\n", "es\0", "../es", "es/..", "es-", "еs", "12"],
)
def test_language_tag_refuses_other_strings_with_examples(tag: str) -> None:
    with pytest.raises(ValidationError, match="is not a BCP-47 language tag such as 'es', 'th' or 'pt-BR'"):
        LANGUAGE.validate_python(tag)


def test_language_tag_checks_the_length_first() -> None:
    with pytest.raises(ValidationError, match="at most 35 characters"):
        LANGUAGE.validate_python("en-" * 1_000_000)


@given(st.text(max_size=35))
def test_canonical_language_is_idempotent(tag: str) -> None:
    try:
        canonical = canonical_language(tag)
    except ValueError:
        return
    assert canonical_language(canonical) == canonical
    assert IDENTIFIER.validate_python(canonical) == canonical  # it names a folder of the store


def test_contract_is_immutable_and_refuses_unknown_fields() -> None:
    class Pair(Contract):
        left: int

    with pytest.raises(ValidationError, match="frozen"):
        Pair(left=1).left = 2  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Pair.model_validate({"left": 1, "right": 2})


def test_now_is_in_utc() -> None:
    moment = now()

    assert moment.tzinfo is not None
    assert moment.utcoffset() is not None
    assert not moment.utcoffset()
