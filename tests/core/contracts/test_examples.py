"""Labelled utterances: every fault of the spans is told at once, with its place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.contracts.examples import DatasetManifest, MtodExample, SlotSpan
from core.contracts.values import TaskName

TEXT = "wake me at six"


def example(**changes: Any) -> MtodExample:
    return MtodExample.model_validate({"text": TEXT, "intent": "alarm/set"} | changes)


def span(slot: str, start: int, end: int) -> dict[str, Any]:
    return {"slot": slot, "start": start, "end": end}


@pytest.mark.parametrize(
    ("spans", "told"),
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
def test_a_span_that_does_not_fit_is_told_with_its_place(spans: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        example(slots=spans)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        example(slots=[span("a", 3, 3), span("b", 4, 5), span("c", 9, 99)], tokens=["wake", "us"])

    (error,) = refused.value.errors()
    for told in ("slots/0 (a 3:3)", "slots/1 (b 4:5)", "slots/2 (c 9:99)", "tokens/1 'us'"):
        assert told in error["msg"]


def test_a_negative_offset_is_told_with_its_field() -> None:
    with pytest.raises(ValidationError) as refused:
        example(slots=[span("time", 11, 14), span("person", -1, 4)])

    assert refused.value.errors()[0]["loc"] == ("slots", 1, "start")


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
def test_a_bad_text_label_or_field_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        example(**changes)


@given(st.permutations([(0, 4), (5, 7), (8, 10), (11, 14)]))
def test_spans_in_any_order_are_put_in_the_order_of_the_text(places: list[tuple[int, int]]) -> None:
    spans = tuple(SlotSpan(slot="s", start=start, end=end) for start, end in places)

    made = MtodExample(text=TEXT, intent="i", slots=spans)

    assert [(one.start, one.end) for one in made.slots] == sorted(places)
    assert MtodExample.model_validate_json(made.model_dump_json()) == made


def test_spans_that_touch_are_no_overlap() -> None:
    assert len(example(text="五点半", slots=[span("hour", 0, 2), span("half", 2, 3)]).slots) == 2


def test_offsets_count_code_points_not_bytes_or_utf16() -> None:
    text = "👩‍👩‍👧 y mamá"

    made = example(text=text, slots=[span("person", 8, 12)])

    assert text[made.slots[0].start : made.slots[0].end] == "mamá"


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        (["wake", "at", "me"], "tokens/2 'me' does not occur in the text after character 10"),
        (["Wake"], "tokens/0 'Wake' does not occur"),
        (["wake", " "], "tokens/1 ' ' does not occur"),
        (["wake", ""], "tokens/1 '' does not occur"),
        (["six", "six"], "tokens/1 'six' does not occur in the text after character 14"),
        ([], "tokens is empty"),
    ],
)
def test_a_token_that_does_not_follow_in_the_text_is_told(tokens: list[str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        example(tokens=tokens)


def test_tokens_may_leave_out_parts_of_the_text() -> None:
    assert example(tokens=["wake", "six"]).tokens == ("wake", "six")


@pytest.mark.parametrize(
    "changes", [{"dataset_id": "../x"}, {"language": "klingon"}, {"examples": 0}, {"task": "translation"}]
)
def test_a_dataset_manifest_refuses_bad_values(changes: dict[str, Any]) -> None:
    good = {
        "dataset_id": "a" * 64,
        "task": "mtod",
        "language": "ES",
        "examples": 1,
        "intents": {"i": 1},
        "slots": {},
    }

    made = DatasetManifest.model_validate(good)
    assert (made.task, made.language) == (TaskName.MTOD, "es")
    with pytest.raises(ValidationError):
        DatasetManifest.model_validate(good | changes)
