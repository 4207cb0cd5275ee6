"""Ranking the spans of one context, against a list of all of them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.contracts.answers import PredictedAnswer
from core.tasks.qa.span_scores import MAX_ANSWER_TOKENS, SpanScores
from core.tasks.qa.tokens import Tokens
from core.tasks.qa.windows import context_windows
from core.tasks.tokenization import Piece
from tests.core.tasks.qa.enumeration import Scored, all_spans, enumerated

WORDS = ("go", "Go", "to", "Lima", "กัน", " ", "👍🏽", "ß", "\u200b")


def words(context: str) -> Tokens:
    """Return a token for each word between single spaces."""
    pieces, start = [], 0
    for word in context.split(" "):
        pieces.append(Piece(5, start, start + len(word)))
        start += len(word) + 1
    return Tokens.of(context, pieces)


def scored(tokens: int, starts: dict[int, float], ends: dict[int, float]) -> Scored:
    """Return one window over everything, 0 where nothing else is said."""
    return (
        range(tokens),
        [starts.get(token, 0.0) for token in range(tokens)],
        [ends.get(token, 0.0) for token in range(tokens)],
    )


def ranked(context: str, tokens: Tokens, windows: list[Scored], top_k: int) -> list[PredictedAnswer]:
    band = SpanScores(context, tokens)
    for window, starts, ends in windows:
        band.add(window, torch.tensor(starts), torch.tensor(ends))
    return list(band.answers(top_k))


def assert_same(found: list[PredictedAnswer], expected: list[PredictedAnswer]) -> None:
    assert [(one.start, one.end, one.text) for one in found] == [
        (one.start, one.end, one.text) for one in expected
    ]
    assert [one.score for one in found] == pytest.approx([one.score for one in expected], rel=1e-4)


@st.composite
def contexts(draw: st.DrawFn) -> tuple[str, Tokens]:
    """Draw a text and its tokens, some of which show nothing, or the same as their neighbours."""
    parts = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=14))
    context, pieces = "x", []
    for part in parts:
        pieces += [Piece(7, len(context), len(context) + len(part))] * draw(st.integers(1, 2))
        context += part + draw(st.sampled_from(["", " ", "\n"]))
    return context, Tokens.of(context, pieces)


@settings(max_examples=250)
@given(contexts(), st.integers(1, 9), st.integers(0, 4), st.integers(1, 12), st.data())
def test_the_answers_are_those_of_a_list_of_all_spans(
    text: tuple[str, Tokens], room: int, overlap: int, top_k: int, data: st.DataObject
) -> None:
    context, tokens = text
    # Eighths add up exactly: what is equal on paper is equal in the machine, too, and there is much of it.
    logit = st.integers(-20, 20).map(lambda number: number / 8)
    windows = [
        (
            window,
            data.draw(st.lists(logit, min_size=len(window), max_size=len(window))),
            data.draw(st.lists(logit, min_size=len(window), max_size=len(window))),
        )
        for window in context_windows(len(tokens), room=room, overlap=overlap)
    ]

    found = ranked(context, tokens, windows, top_k)

    assert_same(found, enumerated(context, tokens, windows, top_k))


def test_no_answer_has_more_tokens_than_the_limit() -> None:
    tokens = words(context := " ".join(f"w{number}" for number in range(80)))
    far = scored(80, {10: 9.0}, {10 + MAX_ANSWER_TOKENS: 9.0, 9 + MAX_ANSWER_TOKENS: 8.0})

    (best, *_) = ranked(context, tokens, [far], 1)

    assert best.text.split()[0] == "w10"
    assert len(best.text.split()) == MAX_ANSWER_TOKENS
    assert_same(ranked(context, tokens, [far], 5), enumerated(context, tokens, [far], 5))


def test_no_answer_ends_before_it_begins() -> None:
    tokens = words(context := "a b c d")

    (best,) = ranked(context, tokens, [scored(4, {3: 9.0}, {0: 9.0, 3: 1.0})], 1)

    assert best.text == "d"


def test_no_answer_goes_from_one_window_to_another() -> None:
    tokens = words(context := "a b c d")
    windows: list[Scored] = [(range(2), [9.0, 0.0], [0.0, 1.0]), (range(2, 4), [0.0, 1.0], [0.0, 9.0])]

    texts = {one.text for one in ranked(context, tokens, windows, 9)}

    assert texts == {"a b", "d", "c"}


def test_a_span_that_several_windows_hold_keeps_its_best_score() -> None:
    tokens = words(context := "a b c")
    weak: Scored = (range(2), [0.0, 1.0], [0.0, 1.0])
    strong: Scored = (range(1, 3), [5.0, 0.0], [5.0, 0.0])

    for windows in ([weak, strong], [strong, weak]):
        assert all_spans(windows)[1, 1] == 10.0
        assert ranked(context, tokens, windows, 1)[0].text == "b"
        assert_same(ranked(context, tokens, windows, 3), enumerated(context, tokens, windows, 3))


def test_the_scores_of_all_spans_add_up_to_one_over_all_windows() -> None:
    tokens = words(context := "a b c d")
    windows: list[Scored] = [
        (range(place, place + 1), [logit], [logit]) for place, logit in enumerate([0.5, -1.0, 2.0, 0.25])
    ]

    answers = ranked(context, tokens, windows, 9)

    assert [one.text for one in answers] == ["c", "a", "d", "b"]
    assert sum(one.score for one in answers) == pytest.approx(1.0)


def test_of_places_that_read_the_same_the_best_is_told_and_does_not_inherit() -> None:
    tokens = words(context := "Lima or lima or LIMA")
    windows: list[Scored] = [
        (range(place, place + 1), [logit], [0.0]) for place, logit in enumerate([2.0, 0.0, 3.0, 0.0, 1.0])
    ]

    answers = ranked(context, tokens, windows, 9)

    assert [(one.text, one.start) for one in answers] == [("lima", 8), ("or", 5)]
    assert_same(answers, enumerated(context, tokens, windows, 9))


def test_answers_do_not_depend_on_how_many_are_asked_for() -> None:
    tokens = words(context := " ".join(f"w{number % 7}" for number in range(40)))
    torch.manual_seed(3)
    logits: Scored = (range(40), torch.randn(40).tolist(), torch.randn(40).tolist())

    many = ranked(context, tokens, [logits], 20)

    assert len(many) > 3
    for top_k in range(1, len(many)):
        assert ranked(context, tokens, [logits], top_k) == many[:top_k]


def test_there_are_fewer_answers_where_there_is_no_more_to_tell() -> None:
    tokens = words(context := "Lima Lima Lima")

    # Two in a row overlap the first, or read no different from what is left.
    assert [one.text for one in ranked(context, tokens, [scored(3, {0: 9.0}, {0: 9.0})], 50)] == [
        "Lima",
        "Lima Lima",
    ]


def test_a_context_that_was_not_read_has_no_answers() -> None:
    assert ranked("Lima", words("Lima"), [], 3) == []
    assert ranked("\u200b", Tokens.of("\u200b", []), [], 3) == []


def test_a_context_of_nothing_that_can_be_shown_has_no_answers() -> None:
    tokens = Tokens.of("a  b", [Piece(1, 1, 3)])

    assert ranked("a  b", tokens, [scored(1, {}, {})], 3) == []


def test_scores_that_are_no_numbers_have_no_answers() -> None:
    assert ranked("a b", words("a b"), [scored(2, {0: float("nan")}, {})], 3) == []


def test_a_letter_whose_folded_form_is_longer_shifts_no_offsets() -> None:
    tokens = words(context := "ß İ Maß MAß")
    logits = scored(4, {2: 5.0, 3: 4.0}, {2: 5.0, 3: 4.0})

    answers = ranked(context, tokens, [logits], 4)

    assert [one.text for one in answers] == ["Maß", "ß", "İ"]
    assert all(context[one.start : one.end] == one.text for one in answers)


def test_a_sure_answer_has_a_score_of_one_at_most() -> None:
    tokens = words(context := "a b c")

    (best, *others) = ranked(context, tokens, [scored(3, {1: 80.0}, {1: 80.0})], 3)

    assert best.score == 1.0
    assert all(0.0 <= one.score < 1e-6 for one in others)
    assert len(others) == 2


def test_thousands_of_places_that_read_the_same_are_told_once() -> None:
    tokens = words(context := " ".join(["a"] * 5000))
    torch.manual_seed(0)
    logits: Scored = (range(5000), torch.randn(5000).tolist(), torch.randn(5000).tolist())

    answers = ranked(context, tokens, [logits], 9)

    assert len({one.text for one in answers}) == len(answers) == 9
