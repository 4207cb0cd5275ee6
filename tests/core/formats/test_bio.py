import pytest

from core.formats.bio import is_tag, places_in_text, places_when_joined, spans_of_tags
from core.formats.spans import Span


@pytest.mark.parametrize("tag", ["O", "NoLabel", "B-alarm/name", "I-x", "B-a-b"])
def test_these_are_tags(tag: str) -> None:
    assert is_tag(tag)


@pytest.mark.parametrize("text", ["", "o", "B-", "E-x", "B_x", "B-two words"])
def test_these_are_no_tags(text: str) -> None:
    assert not is_tag(text)


def test_joined_tokens_are_a_space_apart() -> None:
    tokens = ["打开", "灯", "🎉"]

    places = places_when_joined(tokens)

    assert [" ".join(tokens)[place.start : place.end] for place in places] == tokens


def test_tokens_are_found_one_after_the_other() -> None:
    places = places_in_text(["a", "a", "las"], "a  a las")

    assert places is not None
    assert [place.start for place in places] == [0, 3, 5]


def test_lower_cased_tokens_are_found() -> None:
    places = places_in_text(["él", "llama"], "Él LLAMA")

    assert places is not None
    assert [tuple(place) for place in places] == [(0, 2), (3, 8)]


def test_case_is_not_ignored_where_lower_casing_moves_characters() -> None:
    assert places_in_text(["i̇stanbul"], "İSTANBUL") is None


def test_a_token_that_does_not_follow_is_told_by_none() -> None:
    assert places_in_text(["dos", "uno"], "uno dos") is None


@pytest.mark.parametrize(
    ("tags", "spans", "orphans"),
    [
        ("O O O", [], []),
        ("B-x I-x O", [Span(0, 3, "x")], []),
        ("B-x B-x I-x", [Span(0, 1, "x"), Span(2, 5, "x")], []),
        ("B-x I-y I-y", [Span(0, 1, "x"), Span(2, 5, "y")], [1]),
        ("I-x O I-x", [Span(0, 1, "x"), Span(4, 5, "x")], [0, 2]),
        ("NoLabel B-a-b I-a-b", [Span(2, 5, "a-b")], []),
    ],
)
def test_tags_make_spans_as_conlleval_does(tags: str, spans: list[Span], orphans: list[int]) -> None:
    assert spans_of_tags(tags.split(), places_when_joined(["u", "v", "w"])) == (spans, orphans)
