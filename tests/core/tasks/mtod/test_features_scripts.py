"""Test character offsets of units in every script with a tokenizer of every kind."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.contracts.examples import MtodExample, SlotSpan
from core.tasks.mtod.features import Features, Featurizer
from core.tasks.mtod.labels import LabelSet, text_spans
from tests.core.tasks.mtod.writing_systems import SENTENCES, TOKENIZERS, script_texts

LABELS = LabelSet(("i",), ("a", "b"))
Build = Callable[[str], Featurizer]

# The featurizer is the same object for every text.
SETTINGS = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

every_tokenizer = pytest.mark.parametrize("name", TOKENIZERS)
every_sentence = pytest.mark.parametrize("language", SENTENCES)


def unit_texts(features: Features) -> list[str]:
    return [features.text[start:end] for start, end in features.units]


def uncovered(features: Features) -> list[str]:
    """Return the visible characters outside all units; invisible ones cannot be annotated."""
    covered = {place for start, end in features.units for place in range(start, end)}
    return [
        character
        for place, character in enumerate(features.text)
        if place not in covered
        and not character.isspace()
        and unicodedata.category(character) not in {"Cc", "Cf"}
    ]


@every_tokenizer
@SETTINGS
@given(text=script_texts())
def test_units_are_in_order_and_cover_visible_characters(featurizer: Build, name: str, text: str) -> None:
    (features,) = featurizer(name).texts([text])

    places = [place for unit in features.units for place in unit]
    assert places == sorted(places)
    assert places[0] >= 0
    assert places[-1] <= len(text)
    assert all(unit and unit == unit.strip() for unit in unit_texts(features)) or len(features.units) == 1
    assert not uncovered(features)


@every_tokenizer
@SETTINGS
@given(text=script_texts())
def test_every_unit_has_its_own_first_token(featurizer: Build, name: str, text: str) -> None:
    (features,) = featurizer(name).texts([text])

    assert len(features.unit_tokens) == len(features.units)
    assert list(features.unit_tokens) == sorted(set(features.unit_tokens))
    assert features.unit_tokens[-1] < len(features.input_ids)


@every_tokenizer
@SETTINGS
@given(text=script_texts(), data=st.data())
def test_spans_of_whole_units_round_trip(
    featurizer: Build, name: str, text: str, data: st.DataObject
) -> None:
    (plain,) = featurizer(name).texts([text])
    tags = data.draw(
        st.lists(st.sampled_from("Oaabb+++"), min_size=len(plain.units), max_size=len(plain.units))
    )
    spans: list[SlotSpan] = []
    inside = False
    for (start, end), tag in zip(plain.units, tags, strict=True):
        if tag == "+" and inside:
            spans[-1] = SlotSpan(slot=spans[-1].slot, start=spans[-1].start, end=end)
        elif tag in "ab":
            spans.append(SlotSpan(slot=tag, start=start, end=end))
        inside = tag in "ab" or (tag == "+" and inside)
    example = MtodExample(text=text, intent="i", slots=tuple(spans))

    (features,) = featurizer(name).examples([example], LABELS)

    assert features.units == plain.units
    assert text_spans(features.tags, features.units, LABELS) == tuple(spans)


@every_tokenizer
@every_sentence
def test_words_of_spaced_scripts_start_units(featurizer: Build, name: str, language: str) -> None:
    text = SENTENCES[language]
    (features,) = featurizer(name).texts([text])
    starts = {start for start, _ in features.units}

    words = {place for place, letter in enumerate(text) if place == 0 or text[place - 1] == " "}

    assert words <= starts
    assert not uncovered(features)


@every_tokenizer
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("spanish", ["¿", "Qué", "tiempo", "hará", "mañana", "en", "Málaga", "?"]),
        ("arabic", ["أيقظني", "في", "الساعة", "السادسة", "صباحًا"]),
        ("persian", ["فردا", "صبح", "بیدارم", "کن", "،", "نمی\u200cخواهم", "بخوابم"]),
        ("hindi", ["मुझे", "सुबह", "छह", "बजे", "जगाना"]),
        ("bengali", ["আমাকে", "সকাল", "ছয়টায়", "জাগাও", ",", "র\u200d্যাব"]),
        ("korean", ["내일", "아침", "여섯", "시에", "깨워", "줘"]),
        ("emoji", ["call", "mamá", "👩‍👩‍👧", "in", "🇪🇸", "at", "6", "👍🏽", "❤️"]),
    ],
)
def test_word_or_symbol_is_one_unit(featurizer: Build, name: str, language: str, words: list[str]) -> None:
    (features,) = featurizer(name).texts([SENTENCES[language]])

    assert unit_texts(features) == words


@every_tokenizer
@pytest.mark.parametrize("language", ["thai", "lao", "khmer", "burmese", "chinese", "japanese"])
def test_scripts_without_spaces_are_split_at_tokens_but_not_inside_characters(
    featurizer: Build, name: str, language: str
) -> None:
    (features,) = featurizer(name).texts([SENTENCES[language]])

    units = unit_texts(features)
    assert len(units) >= 5
    assert not any(unicodedata.category(unit[0]) == "Mn" for unit in units)
    assert "".join(units) == SENTENCES[language].replace(" ", "")


@every_tokenizer
@pytest.mark.parametrize("language", ["english", "swahili", "spanish", "hindi", "arabic", "emoji", "thai"])
def test_tokens_of_example_are_units(featurizer: Build, name: str, language: str) -> None:
    text = SENTENCES[language]

    (features,) = featurizer(name).texts([text], [text.split()])

    assert unit_texts(features) == text.split()


@every_tokenizer
def test_text_outside_tokens_of_example_has_no_unit(featurizer: Build, name: str) -> None:
    example = MtodExample(text="wake me at six", intent="i", tokens=("wake", "six"))

    (features,) = featurizer(name).examples([example], LABELS)

    assert unit_texts(features) == ["wake", "six"]


@every_tokenizer
@pytest.mark.parametrize("text", ["\u200b", "\u200d\u200c", "\ufeff \u200b", "\u00ad"])
def test_text_of_zero_width_characters_has_unit(featurizer: Build, name: str, text: str) -> None:
    (features,) = featurizer(name).texts([text])

    assert len(features.units) >= 1
    assert features.unit_tokens[0] < len(features.input_ids)


@every_tokenizer
def test_special_tokens_in_text_are_plain_text(featurizer: Build, name: str) -> None:
    text = "say [SEP] </s> <unk> [UNK] now"

    (features,) = featurizer(name).texts([text])

    assert unit_texts(features)[0] == "say"
    assert unit_texts(features)[-1] == "now"
    assert not uncovered(features)
