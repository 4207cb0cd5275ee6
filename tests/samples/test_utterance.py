import random
from pathlib import Path

import pytest

from samples.grammar import Grammar, read_grammar
from samples.utterance import Piece, Speaker, Style, Utterance, written

QUESTION = [
    Piece("¿va  a "),
    Piece(" llover ", "rain"),
    Piece(" en "),
    Piece("León, Lima", "place"),
    Piece(" ?"),
]


def marked(utterance: Utterance) -> list[tuple[str, str]]:
    return [(slot, utterance.text[start:end]) for slot, start, end in utterance.spans]


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (Style.SENTENCE, "¿Va a llover en León, Lima?"),
        (Style.CASUAL, "Va a llover en León, Lima?"),
        (Style.BARE, "Va a llover en León, Lima"),
        (Style.SPOKEN, "va a llover en león, lima"),
    ],
)
def test_a_style_changes_case_and_marks_and_keeps_the_spans(style: Style, text: str) -> None:
    utterance = written(QUESTION, style)
    assert utterance.text == text
    place = "león, lima" if style is Style.SPOKEN else "León, Lima"
    assert marked(utterance) == [("rain", "llover"), ("place", place)]


def test_no_space_is_left_before_a_mark_or_at_the_ends() -> None:
    assert written([Piece(" wake me  , now "), Piece(" ")], Style.SENTENCE).text == "Wake me, now"


def test_a_slot_at_the_start_is_written_large_within_its_span() -> None:
    utterance = written([Piece("tomorrow", "datetime"), Piece(", wake me")], Style.SENTENCE)
    assert marked(utterance) == [("datetime", "Tomorrow")]


def test_a_script_without_spaces_or_case_is_left_as_it_is() -> None:
    utterance = written([Piece("ปลุกฉัน"), Piece("ตอนหกโมง", "datetime")], Style.CASUAL)
    assert utterance.text == "ปลุกฉันตอนหกโมง"
    assert marked(utterance) == [("datetime", "ตอนหกโมง")]


def test_utterances_that_differ_in_case_and_marks_have_one_key() -> None:
    assert len({written(QUESTION, style).key for style in Style}) == 1


@pytest.mark.parametrize(
    ("first", "second", "repeats"),
    [("Lima", "lima", True), ("7", "at 7", True), ("C", "Chicago", False), ("Lima", "Quito", False)],
)
def test_an_utterance_knows_when_it_says_a_thing_twice(first: str, second: str, repeats: bool) -> None:
    utterance = written([Piece(first, "a"), Piece(" or "), Piece(second, "b")], Style.CASUAL)
    assert utterance.repeats_itself is repeats


@pytest.fixture
def grammar(tmp_path: Path) -> Grammar:
    rules = "= closing\n.\n= day\nMonday\n+\nSunday\n"
    text = rules + "@ ask\nwhat about {datetime: <day>}?\n@ tell\n{datetime: <day>}\n"
    (tmp_path / "a.grammar").write_text(text, encoding="utf-8")
    return read_grammar(tmp_path)


def texts(grammar: Grammar, intent: str, held_out_share: float) -> set[str]:
    speaker = Speaker(grammar, random.Random(1), held_out_share=held_out_share)
    (frame,) = grammar.intents[intent]
    return {speaker.say(frame).text for _ in range(50)}


def test_a_held_out_line_is_said_only_where_it_is_allowed(grammar: Grammar) -> None:
    assert not any("sunday" in text.lower() for text in texts(grammar, "ask", 0.0))
    assert any("Sunday" in text for text in texts(grammar, "ask", 0.5))


def test_a_sentence_is_closed_once(grammar: Grammar) -> None:
    assert texts(grammar, "tell", 0.0) == {"Monday.", "Monday", "monday"}
    assert texts(grammar, "ask", 0.0) == {"What about Monday?", "What about Monday", "what about monday"}
