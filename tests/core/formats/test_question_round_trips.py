"""Property tests: writing and reading questions are inverse; readers raise only `InvalidInput`."""

import json
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.contracts.qa_examples import QaExample
from core.errors import InvalidInput
from core.formats import (
    FileFormat,
    read_questions,
    read_questions_with_notes,
    write_jsonl,
    write_squad,
)

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Disabled, because a slow machine is not a fault of the reader."""

WORDS = st.sampled_from(
    [
        "Butiama",
        "Ñuble",
        "เชียงใหม่",
        "น้ำ",
        "القاهرة",
        "غدًا",
        "दिल्ली",
        "ज़रूर",
        "北京",
        "𠮷野家",
        "👩‍👩‍👧",
        "🎉",
        '"',
        "\\",
        "{",
        '"data": [',
    ]
)
GAPS = st.sampled_from(["", " ", "  ", "\u00a0", "\u2028", "\u3000", "\x85", "\t", "\n", "\r\n", "\x0b"])
FORMATS = st.sampled_from([None, FileFormat.JSONL, FileFormat.SQUAD])


def _is_word(text: str) -> bool:
    return text.isprintable() and text.strip() == text


@st.composite
def contexts(draw: st.DrawFn) -> tuple[str, list[dict[str, object]]]:
    """Draw a context of words with gaps around them, and an answer for each word."""
    text = draw(GAPS)
    answers: list[dict[str, object]] = []
    drawn = draw(st.lists(WORDS | st.text(min_size=1, max_size=8).filter(_is_word), min_size=1, max_size=8))
    for word in drawn:
        answers.append({"text": word, "answer_start": len(text)})
        text += word + draw(GAPS)
    return text, answers


@st.composite
def questions(draw: st.DrawFn) -> list[QaExample]:
    """Draw questions, some with the same context, some with an id."""
    pool = draw(st.lists(contexts(), min_size=1, max_size=3))
    examples = []
    for number in range(draw(st.integers(1, 6))):
        context, answers = draw(st.sampled_from(pool))
        fields = {
            "id": draw(st.none() | st.just(f"{number}-नमस्ते")),
            "question": draw(WORDS),
            "context": context,
            "answers": draw(st.lists(st.sampled_from(answers), min_size=1, unique_by=id)),
        }
        examples.append(QaExample.model_validate(fields))
    return examples


@patient
@given(questions())
def test_squad_round_trip_preserves_questions(written: list[QaExample]) -> None:
    result = read_questions_with_notes(write_squad(written))

    assert result.notes.format == FileFormat.SQUAD
    assert list(result.examples) == written


@patient
@given(questions())
def test_jsonl_round_trip_preserves_questions(written: list[QaExample]) -> None:
    result = read_questions_with_notes(write_jsonl(written))

    assert result.notes.format == FileFormat.JSONL
    assert list(result.examples) == written


@patient
@given(questions(), st.integers(1, 3))
def test_squad_answer_with_another_offset_is_refused_unless_the_text_matches(
    written: list[QaExample], distance: int
) -> None:
    document = json.loads(write_squad(written[:1]))
    first = document["data"][0]["paragraphs"][0]["qas"][0]["answers"][0]
    first["answer_start"] += distance

    with suppress(InvalidInput):
        [example] = read_questions(json.dumps(document).encode())
        assert all(example.context[each.answer_start : each.end] == each.text for each in example.answers)


@patient
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode), FORMATS)
def test_read_questions_raises_only_invalid_input_for_random_bytes(
    data: bytes, file_format: str | None
) -> None:
    try:
        assert read_questions(data, format=file_format)
    except InvalidInput as error:
        assert all(fault.pointer.startswith("line ") for fault in error.faults)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "data",
                    "title",
                    "paragraphs",
                    "context",
                    "qas",
                    "id",
                    "question",
                    "answers",
                    "text",
                    "answer_start",
                    "is_impossible",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=30,
)


def _paragraphs(inner: object) -> dict[str, object]:
    return {"data": [{"title": "a", "paragraphs": inner}]}


@patient
@given(
    JSON
    | JSON.map(_paragraphs)
    | st.lists(st.fixed_dictionaries({"qas": JSON, "context": JSON})).map(_paragraphs),
    FORMATS,
)
def test_read_questions_raises_only_invalid_input_for_near_valid_documents(
    document: object, file_format: str | None
) -> None:
    try:
        assert read_questions(json.dumps(document).encode(), format=file_format)
    except InvalidInput as error:
        assert all(fault.pointer.startswith(("line ", "/data")) for fault in error.faults)
