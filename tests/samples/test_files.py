"""An audit of the committed files: what they promise to everyone who trains or tests with them."""

import unicodedata
from collections import Counter
from collections.abc import Iterator

import pytest

from core.contracts.examples import MtodExample
from samples.generate import GRAMMARS
from samples.grammar import Grammar, read_grammar
from samples.patterns import Reference, walk
from samples.utterance import Utterance

INTENTS = {
    "alarm/cancel_alarm",
    "alarm/modify_alarm",
    "alarm/set_alarm",
    "alarm/show_alarms",
    "alarm/snooze_alarm",
    "alarm/time_left_on_alarm",
    "reminder/cancel_reminder",
    "reminder/set_reminder",
    "reminder/show_reminders",
    "weather/checkSunrise",
    "weather/checkSunset",
    "weather/find",
}
SLOTS = {
    "alarm/alarm_modifier",
    "datetime",
    "location",
    "negation",
    "reminder/noun",
    "reminder/recurring_period",
    "reminder/reference",
    "reminder/todo",
    "weather/attribute",
    "weather/noun",
    "weather/temperatureUnit",
}
TARGETS = ("es", "th", "sw")
EACH = {"en.held-out.jsonl": 18}
EACH |= {f"{language}.few-shot.jsonl": 10 for language in TARGETS}
EACH |= {f"{language}.held-out.jsonl": 15 for language in TARGETS}
NAMES = ("en.jsonl", *EACH)
UNSPACED = ("th",)
LEAST_FRAMES = 12

every_file = pytest.mark.parametrize("name", NAMES)
every_language = pytest.mark.parametrize("language", ["en", *TARGETS])
every_spaced_file = pytest.mark.parametrize("name", [one for one in NAMES if one[:2] not in UNSPACED])

Files = dict[str, list[MtodExample]]


@pytest.fixture(scope="session")
def files(committed: dict[str, str]) -> Files:
    return {
        name: [MtodExample.model_validate_json(line) for line in text.splitlines()]
        for name, text in committed.items()
    }


@pytest.fixture(scope="session")
def grammars() -> dict[str, Grammar]:
    return {language: read_grammar(GRAMMARS / language) for language in ("en", *TARGETS)}


def keys(examples: list[MtodExample]) -> list[str]:
    return [Utterance(example.text, ()).key for example in examples]


def values(examples: list[MtodExample], slot: str) -> set[str]:
    return {
        example.text[span.start : span.end].casefold()
        for example in examples
        for span in example.slots
        if span.slot == slot
    }


def test_no_file_stands_beside_the_known_ones(files: Files) -> None:
    assert sorted(files) == sorted(NAMES)


@every_file
def test_every_intent_and_every_slot_is_there(files: Files, name: str) -> None:
    slots = Counter(span.slot for example in files[name] for span in example.slots)
    assert {example.intent for example in files[name]} == INTENTS
    assert set(slots) == SLOTS
    assert min(slots.values()) >= 2


@pytest.mark.parametrize(("name", "count"), EACH.items())
def test_a_small_file_has_as_many_of_each_intent(files: Files, name: str, count: int) -> None:
    assert Counter(example.intent for example in files[name]) == dict.fromkeys(INTENTS, count)


def test_the_source_is_large_and_uneven_and_no_class_is_tiny(files: Files) -> None:
    counts = Counter(example.intent for example in files["en.jsonl"])
    assert counts.total() >= 1200
    assert min(counts.values()) >= 50
    assert max(counts.values()) >= 3 * min(counts.values())


@every_language
def test_no_text_is_told_twice_in_a_language_whatever_its_case_and_marks(files: Files, language: str) -> None:
    told = Counter(key for name in NAMES if name.startswith(language) for key in keys(files[name]))
    assert [key for key, count in told.items() if count > 1] == []


@every_file
def test_no_slot_begins_or_ends_with_a_space_or_a_sentence_mark(files: Files, name: str) -> None:
    found = [example.text[s.start : s.end] for example in files[name] for s in example.slots]
    assert [value for value in found if value != value.strip(" ,;:!?¡¿")] == []


@every_spaced_file
def test_slots_begin_and_end_where_words_do(files: Files, name: str) -> None:
    for example in files[name]:
        for span in example.slots:
            around = example.text[max(span.start - 1, 0) : span.start] + example.text[span.end : span.end + 1]
            assert not any(character.isalnum() for character in around), example


@every_file
def test_texts_are_tidy_and_composed(files: Files, name: str) -> None:
    for example in files[name]:
        assert example.text == " ".join(example.text.split()) == unicodedata.normalize("NFC", example.text)
        assert not any(mark in example.text for mark in (" ,", " ?", " .", "..", ",,", "[", "{", "<", "|"))


def test_no_spanish_article_is_left_uncontracted(files: Files) -> None:
    texts = [f" {key} " for name in NAMES if name.startswith("es") for key in keys(files[name])]
    assert [text for text in texts if " de el " in text or " a el " in text] == []


@pytest.mark.parametrize("language", TARGETS)
@pytest.mark.parametrize("slot", ["datetime", "location", "reminder/todo", "weather/attribute"])
def test_held_out_has_many_values_that_few_shot_never_shows(files: Files, language: str, slot: str) -> None:
    held_out, few_shot = (
        values(files[f"{language}.{part}.jsonl"], slot) for part in ("held-out", "few-shot")
    )
    assert len(held_out - few_shot) >= len(held_out) / 2


@every_language
def test_every_intent_has_many_frames_and_some_for_the_test_alone(
    grammars: dict[str, Grammar], language: str
) -> None:
    for intent, lines in grammars[language].intents.items():
        assert len(set(lines.seen)) >= LEAST_FRAMES, intent
        assert len(set(lines.held_out)) >= 3, intent
        assert len(set(lines)) == len(list(lines)), intent


def named(grammar: Grammar) -> Iterator[str]:
    for table in (grammar.rules, grammar.intents):
        for lines in table.values():
            yield from (node.name for line in lines for node in walk(line) if isinstance(node, Reference))


@every_language
def test_no_rule_is_idle(grammars: dict[str, Grammar], language: str) -> None:
    assert set(grammars[language].rules) - {"closing"} == set(named(grammars[language]))
