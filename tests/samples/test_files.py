"""Quality checks of the committed utterances."""

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
COUNTS = {"en.held-out.jsonl": 18}
COUNTS |= {f"{language}.few-shot.jsonl": 10 for language in TARGETS}
COUNTS |= {f"{language}.held-out.jsonl": 15 for language in TARGETS}
NAMES = ("en.jsonl", *COUNTS)
UNSPACED = ("th",)
MIN_FRAMES = 12

every_file = pytest.mark.parametrize("name", NAMES)
every_language = pytest.mark.parametrize("language", ["en", *TARGETS])
every_spaced_file = pytest.mark.parametrize("name", [name for name in NAMES if name[:2] not in UNSPACED])

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


def test_folder_has_only_known_files(files: Files) -> None:
    assert sorted(files) == sorted(NAMES)


@every_file
def test_file_has_every_intent_and_slot(files: Files, name: str) -> None:
    slots = Counter(span.slot for example in files[name] for span in example.slots)
    assert {example.intent for example in files[name]} == INTENTS
    assert set(slots) == SLOTS
    assert min(slots.values()) >= 2


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_small_file_is_balanced_by_intent(files: Files, name: str, count: int) -> None:
    assert Counter(example.intent for example in files[name]) == dict.fromkeys(INTENTS, count)


def test_source_file_is_large_and_unbalanced(files: Files) -> None:
    counts = Counter(example.intent for example in files["en.jsonl"])
    assert counts.total() >= 1200
    assert min(counts.values()) >= 50
    assert max(counts.values()) >= 3 * min(counts.values())


@every_language
def test_language_has_no_repeated_texts(files: Files, language: str) -> None:
    counts = Counter(key for name in NAMES if name.startswith(language) for key in keys(files[name]))
    assert [key for key, count in counts.items() if count > 1] == []


@every_file
def test_slots_have_no_outer_spaces_or_punctuation(files: Files, name: str) -> None:
    slot_texts = [example.text[s.start : s.end] for example in files[name] for s in example.slots]
    assert [value for value in slot_texts if value != value.strip(" ,;:!?¡¿")] == []


@every_spaced_file
def test_slots_cover_whole_words(files: Files, name: str) -> None:
    for example in files[name]:
        for span in example.slots:
            surroundings = (
                example.text[max(span.start - 1, 0) : span.start] + example.text[span.end : span.end + 1]
            )
            assert not any(character.isalnum() for character in surroundings), example


@every_file
def test_texts_are_normalised(files: Files, name: str) -> None:
    for example in files[name]:
        assert example.text == " ".join(example.text.split()) == unicodedata.normalize("NFC", example.text)
        assert not any(mark in example.text for mark in (" ,", " ?", " .", "..", ",,", "[", "{", "<", "|"))


def test_spanish_articles_are_contracted(files: Files) -> None:
    texts = [f" {key} " for name in NAMES if name.startswith("es") for key in keys(files[name])]
    assert [text for text in texts if " de el " in text or " a el " in text] == []


@pytest.mark.parametrize("language", TARGETS)
@pytest.mark.parametrize("slot", ["datetime", "location", "reminder/todo", "weather/attribute"])
def test_held_out_file_has_many_unseen_slot_values(files: Files, language: str, slot: str) -> None:
    held_out, few_shot = (
        values(files[f"{language}.{part}.jsonl"], slot) for part in ("held-out", "few-shot")
    )
    assert len(held_out - few_shot) >= len(held_out) / 2


@every_language
def test_intents_have_many_frames_and_held_out_frames(grammars: dict[str, Grammar], language: str) -> None:
    for intent, lines in grammars[language].intents.items():
        assert len(set(lines.regular)) >= MIN_FRAMES, intent
        assert len(set(lines.held_out)) >= 3, intent
        assert len(set(lines)) == len(list(lines)), intent


def references(grammar: Grammar) -> Iterator[str]:
    """Yield the names of all referenced rules."""
    for table in (grammar.rules, grammar.intents):
        for lines in table.values():
            yield from (node.name for line in lines for node in walk(line) if isinstance(node, Reference))


@every_language
def test_grammar_has_no_unused_rules(grammars: dict[str, Grammar], language: str) -> None:
    assert set(grammars[language].rules) - {"closing"} == set(references(grammars[language]))
