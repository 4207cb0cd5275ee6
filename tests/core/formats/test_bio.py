import pytest

from core.formats.bio import bio_to_spans, is_bio_tag, joined_offsets, offsets_in_text
from core.formats.spans import Span


@pytest.mark.parametrize("tag", ["O", "NoLabel", "B-alarm/name", "I-x", "B-a-b"])
def test_is_bio_tag_accepts_bio_tags(tag: str) -> None:
    assert is_bio_tag(tag)


@pytest.mark.parametrize("text", ["", "o", "B-", "E-x", "B_x", "B-two words"])
def test_is_bio_tag_rejects_other_text(text: str) -> None:
    assert not is_bio_tag(text)


def test_joined_offsets_count_one_space_between_tokens() -> None:
    tokens = ["打开", "灯", "🎉"]

    places = joined_offsets(tokens)

    assert [" ".join(tokens)[place.start : place.end] for place in places] == tokens


def test_offsets_in_text_follow_the_order_of_the_tokens() -> None:
    places = offsets_in_text(["a", "a", "las"], "a  a las")

    assert places is not None
    assert [place.start for place in places] == [0, 3, 5]


def test_offsets_in_text_ignore_case() -> None:
    places = offsets_in_text(["él", "llama"], "Él LLAMA")

    assert places is not None
    assert [tuple(place) for place in places] == [(0, 2), (3, 8)]


def test_offsets_in_text_respect_case_when_lower_casing_changes_the_length() -> None:
    assert offsets_in_text(["i̇stanbul"], "İSTANBUL") is None


def test_offsets_in_text_are_none_when_a_token_is_missing() -> None:
    assert offsets_in_text(["dos", "uno"], "uno dos") is None


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
def test_bio_to_spans_agrees_with_conlleval(tags: str, spans: list[Span], orphans: list[int]) -> None:
    assert bio_to_spans(tags.split(), joined_offsets(["u", "v", "w"])) == (spans, orphans)
