import json

import pytest

from core.contracts.examples import MtodExample, SlotSpan
from core.errors import InvalidInput
from core.formats import read_examples, read_examples_with_notes, write_jsonl


def faults_of(*lines: str) -> list[str]:
    with pytest.raises(InvalidInput) as excinfo:
        read_examples("\n".join(lines).encode(), format="jsonl")
    return [str(fault) for fault in excinfo.value.faults]


def test_jsonl_line_has_the_fields_of_the_api() -> None:
    line = {
        "text": "ปลุกฉันพรุ่งนี้",
        "intent": "alarm/add",
        "slots": [{"slot": "day", "start": 7, "end": 15}],
        "tokens": ["ปลุก", "ฉัน", "พรุ่งนี้"],
    }

    [example] = read_examples(json.dumps(line).encode())

    assert example.text[7:15] == "พรุ่งนี้"
    assert example.slots == (SlotSpan(slot="day", start=7, end=15),)
    assert example.tokens == ("ปลุก", "ฉัน", "พรุ่งนี้")


def test_jsonl_slots_and_tokens_are_optional() -> None:
    assert read_examples(b'{"text": "hola", "intent": "greet"}') == [MtodExample(text="hola", intent="greet")]


def test_jsonl_spans_are_not_trimmed() -> None:
    line = '{"text": "uno dos ", "intent": "a", "slots": [{"slot": "x", "start": 3, "end": 8}]}'

    result = read_examples_with_notes(line.encode())

    assert result.examples[0].slots == (SlotSpan(slot="x", start=3, end=8),)
    assert result.notes.warnings() == ()


def test_jsonl_blank_lines_are_skipped_but_counted() -> None:
    good = '{"text": "hola", "intent": "greet"}'

    assert faults_of(good, "", "  ", '{"text": "hola"}', "") == ["line 4: intent: is missing"]


def test_jsonl_reports_invalid_json_with_its_column() -> None:
    [fault] = faults_of('{"text": "hola", "intent": "greet"}', '{"text": "hola", }')

    assert fault.startswith("line 2: not JSON: ")
    assert fault.endswith("at column 18")


@pytest.mark.parametrize(
    "document", ['[{"text": "hola", "intent": "greet"}]', "[\n{}\n]", '{\n"text": "hola"\n}']
)
def test_jsonl_reports_a_multi_line_document_once(document: str) -> None:
    [fault] = faults_of(document)

    assert fault.startswith("line 1: expected one JSON object a line")


def test_jsonl_reports_a_line_that_is_not_an_object() -> None:
    [fault] = faults_of('{"text": "hola", "intent": "greet"}', "17")

    assert fault == "line 2: a JSON object was expected, found 17"


def test_jsonl_faults_name_their_field() -> None:
    slots = '[{"slot": "x", "start": -1, "end": null}, {"slot": "", "start": 0}]'

    assert faults_of(f'{{"text": 5, "intent": "a", "slots": {slots}, "label": "b"}}') == [
        "line 1: text: Input should be a valid string, found 5",
        "line 1: slots/0/start: Input should be greater than or equal to 0, found -1",
        "line 1: slots/0/end: Input should be a valid integer, found None",
        "line 1: slots/1/slot: must have 1 to 128 characters and no white space, found ''",
        "line 1: slots/1/end: is missing",
        "line 1: label: is not a known field",
    ]


def test_jsonl_reports_a_repeated_name() -> None:
    assert faults_of('{"text": "hola", "intent": "a", "intent": "b"}') == [
        "line 1: the name 'intent' occurs more than once in this object"
    ]


def test_jsonl_faults_truncate_long_values() -> None:
    [fault] = faults_of('{"text": "hola", "intent": "' + "a " * 500 + '"}')

    assert len(fault) < 200
    assert fault.endswith("…")


def test_jsonl_reports_a_token_that_is_not_in_the_text() -> None:
    [fault] = faults_of('{"text": "uno dos", "intent": "a", "tokens": ["uno", "tres"]}')

    assert fault.startswith("line 1: tokens/1 'tres' does not occur")


def test_write_jsonl_does_not_escape_non_ascii_letters() -> None:
    written = write_jsonl([MtodExample(text="明天 غدًا कल 🎉", intent="a/b")])

    assert written.decode() == '{"text":"明天 غدًا कल 🎉","intent":"a/b","slots":[]}\n'
