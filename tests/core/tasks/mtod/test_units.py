"""Where units begin and end, with tokens written by hand."""

import pytest

from core.tasks.mtod.units import TokenSpan, split_units


def tokens(*places: tuple[int, int]) -> list[TokenSpan]:
    """Number the tokens from 1: before them stands the first special one."""
    return [TokenSpan(index, start, end) for index, (start, end) in enumerate(places, start=1)]


def each_character(text: str) -> list[TokenSpan]:
    return tokens(*((place, place + 1) for place, letter in enumerate(text) if not letter.isspace()))


def cut(text: str, given: list[str] | None = None, spans: list[TokenSpan] | None = None) -> list[str]:
    units, _ = split_units(text, each_character(text) if spans is None else spans, given)
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
def test_a_script_with_spaces_is_cut_at_words_and_symbols(text: str, units: list[str]) -> None:
    assert cut(text) == units


@pytest.mark.parametrize(
    ("text", "pieces", "units"),
    [
        ("明天六点", [(0, 2), (2, 3), (3, 4)], ["明天", "六", "点"]),
        ("明天六点", [(0, 4)], ["明天六点"]),
        ("set明天now", [(0, 3), (3, 4), (4, 5), (5, 8)], ["set", "明", "天", "now"]),
        ("ให้นัด", [(0, 2), (2, 4), (4, 6)], ["ให้", "นั", "ด"]),
        ("น้ำ", [(0, 1), (1, 2), (2, 3)], ["น้ำ"]),
    ],
)
def test_a_script_without_spaces_is_cut_where_tokens_begin_at_whole_characters(
    text: str, pieces: list[tuple[int, int]], units: list[str]
) -> None:
    assert cut(text, spans=tokens(*pieces)) == units


def test_a_unit_is_spoken_for_by_its_first_token() -> None:
    units, owners = split_units("wakes me", tokens((0, 4), (4, 5), (6, 8)))

    assert units == [(0, 5), (6, 8)]
    assert owners == [1, 3]


def test_units_that_share_their_first_token_are_one() -> None:
    units, owners = split_units("a-b c", tokens((0, 3), (4, 5)))

    assert units == [(0, 3), (4, 5)]
    assert owners == [1, 2]


def test_tokens_of_one_character_are_one_unit() -> None:
    units, owners = split_units("点a", tokens((0, 1), (0, 1), (0, 1), (1, 2)))

    assert units == [(0, 1), (1, 2)]
    assert owners == [1, 4]


def test_a_unit_without_a_token_is_left_out() -> None:
    units, owners = split_units("a \u200b b", tokens((0, 1), (4, 5)))

    assert units == [(0, 1), (4, 5)]
    assert owners == [1, 2]


def test_without_tokens_there_are_no_units() -> None:
    assert split_units("\u200b", []) == ([], [])


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("wake me at 6:30", ["wake", "me", "at", "6:30"]),
        ("to be or to be", ["to be", "or", "to be"]),
        ("明天六点", ["明天", "六点"]),
        ("don't", ["do", "n't"]),
        ("wake me at six", ["me", "six"]),
    ],
)
def test_given_tokens_are_the_units_in_their_order(text: str, given: list[str]) -> None:
    assert cut(text, given) == given


def test_given_tokens_inside_one_token_of_the_encoder_are_one_unit() -> None:
    assert cut("don't go", ["do", "n't", "go"], tokens((0, 5), (6, 8))) == ["don't", "go"]
