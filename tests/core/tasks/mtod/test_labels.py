"""Test label sets, and conversion of spans to BIO tags and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.examples import MtodExample, SlotSpan
from core.tasks.mtod.labels import LabelSet, tag_units, text_spans, unit_spans

LABELS = LabelSet(("greet", "leave"), ("person", "time"))
B_PERSON, I_PERSON, B_TIME, I_TIME = 1, 2, 3, 4
WORDS = ((0, 4), (5, 7), (8, 10), (11, 14))


def span(slot: str, start: int, end: int) -> SlotSpan:
    return SlotSpan(slot=slot, start=start, end=end)


def test_label_set_of_examples_is_sorted_without_duplicates() -> None:
    examples = [
        MtodExample(text="at six", intent="b", slots=(span("time", 3, 6),)),
        MtodExample(text="ana at six", intent="a", slots=(span("person", 0, 3), span("time", 7, 10))),
        MtodExample(text="hello", intent="b"),
    ]

    assert LabelSet.of(examples) == LabelSet(("a", "b"), ("person", "time"))
    assert LabelSet.of(reversed(examples)) == LabelSet.of(examples)


def test_tags_are_outside_then_begin_and_inside_of_each_slot() -> None:
    assert LABELS.tags == ("O", "B-person", "I-person", "B-time", "I-time")
    assert LABELS.tags[LABELS.begin_tag("time")] == "B-time"
    assert LABELS.intent_ids == {"greet": 0, "leave": 1}


def test_tags_without_slots_are_outside_only() -> None:
    assert LabelSet(("i",), ()).tags == ("O",)


def test_extended_appends_new_labels() -> None:
    longer = LABELS.extended(LabelSet(("alarm", "greet"), ("city", "time")))

    assert longer == LabelSet(("greet", "leave", "alarm"), ("person", "time", "city"))
    assert longer.tags[: len(LABELS.tags)] == LABELS.tags
    assert LABELS.extended(LABELS) == LABELS


@pytest.mark.parametrize(
    ("spans", "tags"),
    [
        ([], [0, 0, 0, 0]),
        ([span("time", 11, 14)], [0, 0, 0, B_TIME]),
        ([span("time", 8, 14)], [0, 0, B_TIME, I_TIME]),
        ([span("time", 0, 4), span("time", 5, 7)], [B_TIME, B_TIME, 0, 0]),
        ([span("person", 0, 4), span("time", 5, 14)], [B_PERSON, B_TIME, I_TIME, I_TIME]),
    ],
)
def test_tag_units_begins_span_at_its_first_unit(spans: list[SlotSpan], tags: list[int]) -> None:
    assert tag_units(WORDS, spans, LABELS) == tags


@pytest.mark.parametrize(
    ("spans", "tags"),
    [
        ([span("time", 12, 13)], [0, 0, 0, B_TIME]),
        ([span("time", 9, 12)], [0, 0, B_TIME, I_TIME]),
        ([span("time", 4, 5)], [0, 0, 0, 0]),
        ([span("person", 0, 2), span("time", 2, 7)], [B_PERSON, B_TIME, 0, 0]),
    ],
)
def test_tag_units_assigns_partly_covered_unit_to_first_span(spans: list[SlotSpan], tags: list[int]) -> None:
    assert tag_units(WORDS, spans, LABELS) == tags


def test_tag_units_ignores_slot_outside_labels() -> None:
    assert tag_units(WORDS, [span("city", 0, 4), span("time", 5, 7)], LABELS) == [0, B_TIME, 0, 0]


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ([0, 0, 0], []),
        ([B_TIME, I_TIME, 0], [(1, 0, 2)]),
        ([B_TIME, B_TIME, I_TIME], [(1, 0, 1), (1, 1, 3)]),
        ([I_TIME, I_TIME, 0], [(1, 0, 2)]),
        ([B_PERSON, I_TIME, I_PERSON], [(0, 0, 1), (1, 1, 2), (0, 2, 3)]),
        ([B_TIME, 0, I_TIME], [(1, 0, 1), (1, 2, 3)]),
    ],
)
def test_unit_spans_starts_span_at_inside_tag_without_predecessor(
    tags: list[int], spans: list[tuple[int, int, int]]
) -> None:
    assert unit_spans(tags) == spans


@given(st.lists(st.sampled_from(range(5)), min_size=4, max_size=4))
def test_tag_sequences_round_trip_through_spans(tags: list[int]) -> None:
    spans = text_spans(tags, WORDS, LABELS)

    converted = tag_units(WORDS, spans, LABELS)

    assert text_spans(converted, WORDS, LABELS) == spans
    assert [tag == 0 for tag in converted] == [tag == 0 for tag in tags]
