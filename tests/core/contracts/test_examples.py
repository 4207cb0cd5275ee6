"""Validation of labelled utterances: every fault of spans and tokens is reported."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.contracts.examples import DatasetManifest, MtodExample, SlotSpan
from core.contracts.values import MTOD

TEXT = "wake me at six"


def example(**changes: Any) -> MtodExample:
    return MtodExample.model_validate({"text": TEXT, "intent": "alarm/set"} | changes)


def span(slot: str, start: int, end: int) -> dict[str, Any]:
    return {"slot": slot, "start": start, "end": end}


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([span("time", 11, 15)], r"slots/0 \(time 11:15\) ends outside the text, which has 14 characters"),
        ([span("time", 20, 30)], r"slots/0 \(time 20:30\) ends outside the text"),
        ([span("time", 3, 3)], r"slots/0 \(time 3:3\) is empty"),
        ([span("time", 5, 3)], r"slots/0 \(time 5:3\) is empty"),
        ([span("time", 4, 5)], r"slots/0 \(time 4:5\) covers only white space"),
        ([span("a", 0, 4), span("b", 3, 7)], r"slots/1 \(b 3:7\) overlaps slots/0 \(a 0:4\)"),
        ([span("a", 5, 7), span("b", 0, 14)], r"slots/0 \(a 5:7\) overlaps slots/1 \(b 0:14\)"),
        ([span("a", 0, 4), span("a", 0, 4)], r"slots/1 \(a 0:4\) overlaps slots/0 \(a 0:4\)"),
    ],
)
def test_example_refuses_a_misplaced_span_with_its_place(spans: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        example(slots=spans)


def test_example_reports_all_faults() -> None:
    with pytest.raises(ValidationError) as caught:
        example(slots=[span("a", 3, 3), span("b", 4, 5), span("c", 9, 99)], tokens=["wake", "us"])

    (error,) = caught.value.errors()
    for message in ("slots/0 (a 3:3)", "slots/1 (b 4:5)", "slots/2 (c 9:99)", "tokens/1 'us'"):
        assert message in error["msg"]


def test_example_refuses_a_negative_offset_with_its_field() -> None:
    with pytest.raises(ValidationError) as caught:
        example(slots=[span("time", 11, 14), span("person", -1, 4)])

    assert caught.value.errors()[0]["loc"] == ("slots", 1, "start")


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "  "},
        {"text": "a\0"},
        {"text": "a\ud800"},
        {"text": "a" * 2001},
        {"intent": ""},
        {"intent": "set alarm"},
        {"slots": [span("two words", 0, 4)]},
        {"slots": [span("time", 0, 4) | {"value": "wake"}]},
        {"language": "es"},
    ],
)
def test_example_refuses_invalid_texts_labels_and_fields(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        example(**changes)


@given(st.permutations([(0, 4), (5, 7), (8, 10), (11, 14)]))
def test_example_sorts_spans_by_position(places: list[tuple[int, int]]) -> None:
    spans = tuple(SlotSpan(slot="s", start=start, end=end) for start, end in places)

    parsed = MtodExample(text=TEXT, intent="i", slots=spans)

    assert [(span.start, span.end) for span in parsed.slots] == sorted(places)
    assert MtodExample.model_validate_json(parsed.model_dump_json()) == parsed


def test_example_accepts_adjacent_spans() -> None:
    assert len(example(text="五点半", slots=[span("hour", 0, 2), span("half", 2, 3)]).slots) == 2


def test_example_offsets_count_code_points() -> None:
    text = "👩‍👩‍👧 y mamá"

    parsed = example(text=text, slots=[span("person", 8, 12)])

    assert text[parsed.slots[0].start : parsed.slots[0].end] == "mamá"


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["wake", "at", "me"], "tokens/2 'me' does not occur in the text after character 10"),
        (["Wake"], "tokens/0 'Wake' does not occur"),
        (["wake", " "], "tokens/1 ' ' does not occur"),
        (["wake", ""], "tokens/1 '' does not occur"),
        (["six", "six"], "tokens/1 'six' does not occur in the text after character 14"),
        ([], "tokens is empty"),
    ],
)
def test_example_refuses_tokens_that_do_not_follow_in_the_text(tokens: list[str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        example(tokens=tokens)


def test_example_accepts_tokens_with_gaps() -> None:
    assert example(tokens=["wake", "six"]).tokens == ("wake", "six")


@pytest.mark.parametrize(
    "changes", [{"dataset_id": "../x"}, {"language": "klingon"}, {"examples": 0}, {"task": "translation"}]
)
def test_dataset_manifest_refuses_invalid_values(changes: dict[str, Any]) -> None:
    good = {
        "dataset_id": "a" * 64,
        "task": "mtod",
        "language": "ES",
        "examples": 1,
        "intents": {"i": 1},
        "slots": {},
    }

    parsed = DatasetManifest.model_validate(good)
    assert (parsed.task, parsed.language) == (MTOD, "es")
    with pytest.raises(ValidationError):
        DatasetManifest.model_validate(good | changes)
