import random
from pathlib import Path

import pytest

from samples.grammar import Grammar, read_grammar
from samples.utterance import Piece, Sampler, Style, Utterance, render

QUESTION = [
    Piece("¿va  a "),
    Piece(" llover ", "rain"),
    Piece(" en "),
    Piece("León, Lima", "place"),
    Piece(" ?"),
]


def slot_texts(utterance: Utterance) -> list[tuple[str, str]]:
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
def test_render_applies_style_and_keeps_slots(style: Style, text: str) -> None:
    utterance = render(QUESTION, style)
    assert utterance.text == text
    place = "león, lima" if style is Style.SPOKEN else "León, Lima"
    assert slot_texts(utterance) == [("rain", "llover"), ("place", place)]


def test_render_removes_redundant_spaces() -> None:
    assert render([Piece(" wake me  , now "), Piece(" ")], Style.SENTENCE).text == "Wake me, now"


def test_render_capitalises_a_slot_at_the_start() -> None:
    utterance = render([Piece("tomorrow", "datetime"), Piece(", wake me")], Style.SENTENCE)
    assert slot_texts(utterance) == [("datetime", "Tomorrow")]


def test_render_keeps_scripts_without_spaces_and_case() -> None:
    utterance = render([Piece("ปลุกฉัน"), Piece("ตอนหกโมง", "datetime")], Style.CASUAL)
    assert utterance.text == "ปลุกฉันตอนหกโมง"
    assert slot_texts(utterance) == [("datetime", "ตอนหกโมง")]


def test_key_ignores_case_and_punctuation() -> None:
    assert len({render(QUESTION, style).key for style in Style}) == 1


@pytest.mark.parametrize(
    ("first", "second", "repeats"),
    [("Lima", "lima", True), ("7", "at 7", True), ("C", "Chicago", False), ("Lima", "Quito", False)],
)
def test_repeats_itself_detects_repeated_slot_values(first: str, second: str, repeats: bool) -> None:
    utterance = render([Piece(first, "a"), Piece(" or "), Piece(second, "b")], Style.CASUAL)
    assert utterance.repeats_itself is repeats


@pytest.fixture
def grammar(tmp_path: Path) -> Grammar:
    rules = "= closing\n.\n= day\nMonday\n+\nSunday\n"
    text = rules + "@ ask\nwhat about {datetime: <day>}?\n@ tell\n{datetime: <day>}\n"
    (tmp_path / "a.grammar").write_text(text, encoding="utf-8")
    return read_grammar(tmp_path)


def texts(grammar: Grammar, intent: str, held_out_share: float) -> set[str]:
    sampler = Sampler(grammar, random.Random(1), held_out_share=held_out_share)
    (frame,) = grammar.intents[intent]
    return {sampler.sample(frame).text for _ in range(50)}


def test_sampler_uses_held_out_lines_only_when_allowed(grammar: Grammar) -> None:
    assert not any("sunday" in text.lower() for text in texts(grammar, "ask", 0.0))
    assert any("Sunday" in text for text in texts(grammar, "ask", 0.5))


def test_sampler_closes_a_sentence_once(grammar: Grammar) -> None:
    assert texts(grammar, "tell", 0.0) == {"Monday.", "Monday", "monday"}
    assert texts(grammar, "ask", 0.0) == {"What about Monday?", "What about Monday", "what about monday"}
