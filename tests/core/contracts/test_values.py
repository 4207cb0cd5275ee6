"""The small values every contract is made of: what is let in, and what is said of the rest."""

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
    ("text", "told"),
    [
        ("", "the text is empty"),
        (" \t\n\u3000", "the text is empty"),
        ("wake\0 me", r"character 4 is NUL \(U\+0000\)"),
        ("\ud83d\ude00", r"character 0 is a lone surrogate \(U\+D83D\)"),
        ("ok \udfff", r"character 3 is a lone surrogate \(U\+DFFF\)"),
        ("a" * (MAX_TEXT_LENGTH + 1), "the text has 2001 characters; the limit is 2000"),
    ],
)
def test_a_text_that_cannot_be_used_is_told_why(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        printable_text(text)
    with pytest.raises(ValidationError, match=told):
        TEXT.validate_python(text)


@pytest.mark.parametrize(
    "text",
    ["a", "\u200b", "  padded  ", "two\nlines", "ปลุกฉัน", "👩‍👩‍👧 🇪🇸", "\U0010ffff", "a" * MAX_TEXT_LENGTH],
)
def test_any_other_text_is_left_as_it_is(text: str) -> None:
    assert printable_text(text) == text


@pytest.mark.parametrize("unit", ["a", " ", "\0", "\ud800", "ก", "👩"])
def test_a_megabyte_is_refused_by_its_length_before_it_is_read(unit: str) -> None:
    text = unit * 2**20

    began = time.perf_counter()
    with pytest.raises(ValueError, match="1048576 characters"):
        printable_text(text)

    assert time.perf_counter() - began < 0.01


@pytest.mark.parametrize("value", ["a", "a-b_C9", "x" * 64, "0" * 64])
def test_an_identifier_is_letters_digits_dashes_and_underscores(value: str) -> None:
    assert IDENTIFIER.validate_python(value) == value


@pytest.mark.parametrize(
    "value",
    ["", "..", "../a", "a/b", "a\\b", "a.b", "a b", "a\n", "a\0", "x" * 65, "ä", "%2e%2e", "a\ud800", "~"],
)
def test_an_identifier_cannot_be_a_path(value: str) -> None:
    with pytest.raises(ValidationError):
        IDENTIFIER.validate_python(value)


@pytest.mark.parametrize("value", ["alarm/set", "B-time", "tiempo:mañana", "ตั้งปลุก", "x" * 128])
def test_a_label_may_be_anything_without_white_space(value: str) -> None:
    assert LABEL.validate_python(value) == value


@pytest.mark.parametrize("value", ["", "a b", "a\n", "a\u3000b", "a\0", "a\x1f", "a\ud800", "x" * 129])
def test_a_label_with_white_space_or_control_characters_is_refused(value: str) -> None:
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
def test_a_language_tag_becomes_canonical(tag: str, canonical: str) -> None:
    assert LANGUAGE.validate_python(tag) == canonical
    assert canonical_language(canonical) == canonical


@pytest.mark.parametrize(
    "tag",
    ["", "e", "xx", "base", "spanish", "es ", "es\n", "es\0", "../es", "es/..", "es-", "еs", "12"],
)
def test_what_is_no_language_tag_is_refused_with_an_example_of_one(tag: str) -> None:
    with pytest.raises(ValidationError, match="is not a BCP-47 language tag such as 'es', 'th' or 'pt-BR'"):
        LANGUAGE.validate_python(tag)


def test_a_very_long_language_tag_is_refused_by_its_length() -> None:
    with pytest.raises(ValidationError, match="at most 35 characters"):
        LANGUAGE.validate_python("en-" * 1_000_000)


@given(st.text(max_size=35))
def test_no_string_makes_the_language_registry_fail(tag: str) -> None:
    try:
        canonical = canonical_language(tag)
    except ValueError:
        return
    assert canonical_language(canonical) == canonical
    assert IDENTIFIER.validate_python(canonical) == canonical  # it names a folder of the store


def test_a_contract_is_immutable_and_knows_its_fields() -> None:
    class Pair(Contract):
        left: int

    with pytest.raises(ValidationError, match="frozen"):
        Pair(left=1).left = 2  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Pair.model_validate({"left": 1, "right": 2})


def test_the_present_moment_has_a_time_zone() -> None:
    moment = now()

    assert moment.tzinfo is not None
    assert moment.utcoffset() is not None
    assert not moment.utcoffset()
