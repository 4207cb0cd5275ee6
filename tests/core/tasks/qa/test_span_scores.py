"""Test the ranking of the spans of one context against enumeration."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.contracts.qa_predictions import PredictedAnswer
from core.tasks.qa.span_scores import MAX_ANSWER_TOKENS, SpanScores
from core.tasks.qa.tokens import ContextTokens
from core.tasks.qa.windows import context_windows
from core.tasks.tokenization import Token
from tests.core.tasks.qa.enumeration import Scored, all_spans, enumerated

WORDS = ("go", "Go", "to", "Lima", "กัน", " ", "👍🏽", "ß", "\u200b")


def word_tokens(context: str) -> ContextTokens:
    """Return one token per word between single spaces."""
    token_list, start = [], 0
    for word in context.split(" "):
        token_list.append(Token(5, start, start + len(word)))
        start += len(word) + 1
    return ContextTokens.of(context, token_list)


def scored(tokens: int, starts: dict[int, float], ends: dict[int, float]) -> Scored:
    """Return one window over all tokens with the given logits; the others are 0."""
    return (
        range(tokens),
        [starts.get(token, 0.0) for token in range(tokens)],
        [ends.get(token, 0.0) for token in range(tokens)],
    )


def ranked(context: str, tokens: ContextTokens, windows: list[Scored], top_k: int) -> list[PredictedAnswer]:
    span_scores = SpanScores(context, tokens)
    for window, starts, ends in windows:
        span_scores.add(window, torch.tensor(starts), torch.tensor(ends))
    return list(span_scores.answers(top_k))


def assert_equal_answers(answers: list[PredictedAnswer], expected: list[PredictedAnswer]) -> None:
    assert [(answer.start, answer.end, answer.text) for answer in answers] == [
        (answer.start, answer.end, answer.text) for answer in expected
    ]
    assert [answer.score for answer in answers] == pytest.approx(
        [answer.score for answer in expected], rel=1e-4
    )


@st.composite
def contexts(draw: st.DrawFn) -> tuple[str, ContextTokens]:
    """Draw a text and its tokens, some of which cover nothing visible, or the same as their neighbours."""
    parts = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=14))
    context, token_list = "x", []
    for part in parts:
        token_list += [Token(7, len(context), len(context) + len(part))] * draw(st.integers(1, 2))
        context += part + draw(st.sampled_from(["", " ", "\n"]))
    return context, ContextTokens.of(context, token_list)


@settings(max_examples=250)
@given(contexts(), st.integers(1, 9), st.integers(0, 4), st.integers(1, 12), st.data())
def test_answers_match_enumeration_of_all_spans(
    text: tuple[str, ContextTokens], room: int, overlap: int, top_k: int, data: st.DataObject
) -> None:
    context, tokens = text
    # Eighths add up exactly in floating point, so that there are many exact ties.
    logit = st.integers(-20, 20).map(lambda number: number / 8)
    windows = [
        (
            window,
            data.draw(st.lists(logit, min_size=len(window), max_size=len(window))),
            data.draw(st.lists(logit, min_size=len(window), max_size=len(window))),
        )
        for window in context_windows(len(tokens), room=room, overlap=overlap)
    ]

    answers = ranked(context, tokens, windows, top_k)

    assert_equal_answers(answers, enumerated(context, tokens, windows, top_k))


def test_answers_have_at_most_max_answer_tokens() -> None:
    tokens = word_tokens(context := " ".join(f"w{number}" for number in range(80)))
    distant = scored(80, {10: 9.0}, {10 + MAX_ANSWER_TOKENS: 9.0, 9 + MAX_ANSWER_TOKENS: 8.0})

    (best, *_) = ranked(context, tokens, [distant], 1)

    assert best.text.split()[0] == "w10"
    assert len(best.text.split()) == MAX_ANSWER_TOKENS
    assert_equal_answers(ranked(context, tokens, [distant], 5), enumerated(context, tokens, [distant], 5))


def test_answers_do_not_end_before_they_start() -> None:
    tokens = word_tokens(context := "a b c d")

    (best,) = ranked(context, tokens, [scored(4, {3: 9.0}, {0: 9.0, 3: 1.0})], 1)

    assert best.text == "d"


def test_answers_do_not_cross_windows() -> None:
    tokens = word_tokens(context := "a b c d")
    windows: list[Scored] = [(range(2), [9.0, 0.0], [0.0, 1.0]), (range(2, 4), [0.0, 1.0], [0.0, 9.0])]

    texts = {answer.text for answer in ranked(context, tokens, windows, 9)}

    assert texts == {"a b", "d", "c"}


def test_span_in_several_windows_has_best_score() -> None:
    tokens = word_tokens(context := "a b c")
    weak: Scored = (range(2), [0.0, 1.0], [0.0, 1.0])
    strong: Scored = (range(1, 3), [5.0, 0.0], [5.0, 0.0])

    for windows in ([weak, strong], [strong, weak]):
        assert all_spans(windows)[1, 1] == 10.0
        assert ranked(context, tokens, windows, 1)[0].text == "b"
        assert_equal_answers(ranked(context, tokens, windows, 3), enumerated(context, tokens, windows, 3))


def test_scores_of_all_spans_sum_to_one_over_all_windows() -> None:
    tokens = word_tokens(context := "a b c d")
    windows: list[Scored] = [
        (range(place, place + 1), [logit], [logit]) for place, logit in enumerate([0.5, -1.0, 2.0, 0.25])
    ]

    answers = ranked(context, tokens, windows, 9)

    assert [answer.text for answer in answers] == ["c", "a", "d", "b"]
    assert sum(answer.score for answer in answers) == pytest.approx(1.0)


def test_equal_texts_are_reduced_to_best_without_adding_scores() -> None:
    tokens = word_tokens(context := "Lima or lima or LIMA")
    windows: list[Scored] = [
        (range(place, place + 1), [logit], [0.0]) for place, logit in enumerate([2.0, 0.0, 3.0, 0.0, 1.0])
    ]

    answers = ranked(context, tokens, windows, 9)

    assert [(answer.text, answer.start) for answer in answers] == [("lima", 8), ("or", 5)]
    assert_equal_answers(answers, enumerated(context, tokens, windows, 9))


def test_answers_are_independent_of_top_k() -> None:
    tokens = word_tokens(context := " ".join(f"w{number % 7}" for number in range(40)))
    torch.manual_seed(3)
    logits: Scored = (range(40), torch.randn(40).tolist(), torch.randn(40).tolist())

    many = ranked(context, tokens, [logits], 20)

    assert len(many) > 3
    for top_k in range(1, len(many)):
        assert ranked(context, tokens, [logits], top_k) == many[:top_k]


def test_answers_are_fewer_than_top_k_when_spans_are_exhausted() -> None:
    tokens = word_tokens(context := "Lima Lima Lima")

    # Two words in a row overlap the first answer, or equal one of the remaining answers.
    assert [answer.text for answer in ranked(context, tokens, [scored(3, {0: 9.0}, {0: 9.0})], 50)] == [
        "Lima",
        "Lima Lima",
    ]


def test_answers_are_empty_without_windows() -> None:
    assert ranked("Lima", word_tokens("Lima"), [], 3) == []
    assert ranked("\u200b", ContextTokens.of("\u200b", []), [], 3) == []


def test_answers_are_empty_without_visible_characters() -> None:
    tokens = ContextTokens.of("a  b", [Token(1, 1, 3)])

    assert ranked("a  b", tokens, [scored(1, {}, {})], 3) == []


def test_answers_are_empty_when_scores_are_nan() -> None:
    assert ranked("a b", word_tokens("a b"), [scored(2, {0: float("nan")}, {})], 3) == []


def test_case_folding_to_several_characters_keeps_offsets() -> None:
    tokens = word_tokens(context := "ß İ Maß MAß")
    logits = scored(4, {2: 5.0, 3: 4.0}, {2: 5.0, 3: 4.0})

    answers = ranked(context, tokens, [logits], 4)

    assert [answer.text for answer in answers] == ["Maß", "ß", "İ"]
    assert all(context[answer.start : answer.end] == answer.text for answer in answers)


def test_score_does_not_exceed_one() -> None:
    tokens = word_tokens(context := "a b c")

    (best, *others) = ranked(context, tokens, [scored(3, {1: 80.0}, {1: 80.0})], 3)

    assert best.score == 1.0
    assert all(0.0 <= answer.score < 1e-6 for answer in others)
    assert len(others) == 2


def test_thousands_of_equal_spans_are_reduced_to_one() -> None:
    tokens = word_tokens(context := " ".join(["a"] * 5000))
    torch.manual_seed(0)
    logits: Scored = (range(5000), torch.randn(5000).tolist(), torch.randn(5000).tolist())

    answers = ranked(context, tokens, [logits], 9)

    assert len({answer.text for answer in answers}) == len(answers) == 9
