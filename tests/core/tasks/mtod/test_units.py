"""Test segmentation into units with tokens by hand."""

import pytest

from core.tasks.mtod.units import TokenSpan, split_units


def tokens(*offsets: tuple[int, int]) -> list[TokenSpan]:
    """Number the tokens from 1, after the first special token."""
    return [TokenSpan(index, start, end) for index, (start, end) in enumerate(offsets, start=1)]


def each_character(text: str) -> list[TokenSpan]:
    return tokens(*((index, index + 1) for index, character in enumerate(text) if not character.isspace()))


def split(text: str, words: list[str] | None = None, spans: list[TokenSpan] | None = None) -> list[str]:
    units, _ = split_units(text, each_character(text) if spans is None else spans, words)
    return [text[start:end] for start, end in units]


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("wake me at 6:30 a.m.", ["wake", "me", "at", "6", ":", "30", "a", ".", "m", "."]),
        ("  padded\u00a0text \n", ["padded", "text"]),
        ("l'été d\u2019Ana", ["l", "'", "été", "d", "\u2019", "Ana"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("snake_case x2", ["snake_case", "x2"]),
        ("₹500 $5", ["₹", "500", "$", "5"]),
        ("٦٣٠ صباحًا", ["٦٣٠", "صباحًا"]),
        ("👩‍👩‍👧🇪🇸👍🏽", ["👩‍👩‍👧", "🇪🇸", "👍🏽"]),
        ("❤️now", ["❤️", "now"]),
        ("র‍্যাব", ["র‍্যাব"]),
    ],
)
def test_script_with_spaces_is_split_into_words_and_symbols(text: str, units: list[str]) -> None:
    assert split(text) == units


@pytest.mark.parametrize(
    ("text", "token_offsets", "units"),
    [
        ("明天六点", [(0, 2), (2, 3), (3, 4)], ["明天", "六", "点"]),
        ("明天六点", [(0, 4)], ["明天六点"]),
        ("set明天now", [(0, 3), (3, 4), (4, 5), (5, 8)], ["set", "明", "天", "now"]),
        ("ให้นัด", [(0, 2), (2, 4), (4, 6)], ["ให้", "นั", "ด"]),
        ("น้ำ", [(0, 1), (1, 2), (2, 3)], ["น้ำ"]),
    ],
)
def test_script_without_spaces_is_split_at_token_starts_of_whole_characters(
    text: str, token_offsets: list[tuple[int, int]], units: list[str]
) -> None:
    assert split(text, spans=tokens(*token_offsets)) == units


def test_unit_has_index_of_its_first_token() -> None:
    units, first_tokens = split_units("wakes me", tokens((0, 4), (4, 5), (6, 8)))

    assert units == [(0, 5), (6, 8)]
    assert first_tokens == [1, 3]


def test_units_with_same_first_token_are_merged() -> None:
    units, first_tokens = split_units("a-b c", tokens((0, 3), (4, 5)))

    assert units == [(0, 3), (4, 5)]
    assert first_tokens == [1, 2]


def test_tokens_of_one_character_are_one_unit() -> None:
    units, first_tokens = split_units("点a", tokens((0, 1), (0, 1), (0, 1), (1, 2)))

    assert units == [(0, 1), (1, 2)]
    assert first_tokens == [1, 4]


def test_unit_without_token_is_dropped() -> None:
    units, first_tokens = split_units("a \u200b b", tokens((0, 1), (4, 5)))

    assert units == [(0, 1), (4, 5)]
    assert first_tokens == [1, 2]


def test_split_units_returns_no_units_without_tokens() -> None:
    assert split_units("\u200b", []) == ([], [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("wake me at 6:30", ["wake", "me", "at", "6:30"]),
        ("to be or to be", ["to be", "or", "to be"]),
        ("明天六点", ["明天", "六点"]),
        ("don't", ["do", "n't"]),
        ("wake me at six", ["me", "six"]),
    ],
)
def test_words_are_units_in_order(text: str, words: list[str]) -> None:
    assert split(text, words) == words


def test_words_within_one_token_are_one_unit() -> None:
    assert split("don't go", ["do", "n't", "go"], tokens((0, 5), (6, 8))) == ["don't", "go"]
