"""Property tests: writing and reading are inverse; readers raise only `InvalidInput`."""

from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.contracts.examples import MtodExample
from core.errors import InvalidInput
from core.formats import FileFormat, read_examples, read_examples_with_notes, write_jsonl, write_mtod_tsv

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Disabled, because a slow machine is not a fault of the reader."""

WORDS = st.sampled_from(
    [
        "mañana",
        "Él",
        "ปลุก",
        "พรุ่งนี้",
        "غدًا",
        "المصباح",
        "कल",
        "ज़रूर",
        "明天",
        "客厅",
        "👩‍👩‍👧",
        "🎉",
        '"',
        "\\",
        "#",
        "{",
        ",",
        "1:2:x",
    ]
)
GAPS = st.sampled_from(["", " ", "  ", "\u00a0", "\u2028", "\u3000", "\x85"])
GAPS_OF_JSON = st.sampled_from(["", " ", "\t", "\n", "\r\n", "\u2029", "\x0b"])
FORMATS = st.sampled_from([None, FileFormat.JSONL, FileFormat.MTOD_TSV, FileFormat.CONLL])
LABELS = st.from_regex(r"[^\W\d_][\w:/.#{-]{0,12}", fullmatch=True)
LABELS_WITH_COMMAS = st.from_regex(r"[\w:/,.#{-]{1,12}", fullmatch=True)


@st.composite
def examples(draw: st.DrawFn, *, for_json: bool = False) -> MtodExample:
    """Draw an utterance of words with gaps around them, and slots on some of the words."""
    gaps = GAPS | GAPS_OF_JSON if for_json else GAPS
    labels = LABELS_WITH_COMMAS if for_json else LABELS
    text = draw(gaps)
    slots = []
    words = draw(st.lists(WORDS | st.text(min_size=1, max_size=8).filter(_is_word), min_size=1, max_size=8))
    for word in words:
        if draw(st.booleans()):
            slots.append({"slot": draw(labels), "start": len(text), "end": len(text) + len(word)})
        text += word + draw(gaps)
    tokens = words if for_json and draw(st.booleans()) else None
    fields = {"text": text, "intent": draw(labels), "slots": slots, "tokens": tokens}
    return MtodExample.model_validate(fields)


def _is_word(text: str) -> bool:
    return text.isprintable() and text.strip() == text


@patient
@given(st.lists(examples(for_json=True), min_size=1, max_size=5))
def test_jsonl_round_trip_preserves_utterances(written: list[MtodExample]) -> None:
    assert read_examples(write_jsonl(written)) == written


@patient
@given(st.lists(examples(), min_size=1, max_size=5), st.sampled_from(["", "th_TH"]))
def test_tsv_round_trip_preserves_utterances(written: list[MtodExample], locale: str) -> None:
    result = read_examples_with_notes(write_mtod_tsv(written, locale=locale), format="mtod-tsv")

    assert list(result.examples) == written
    assert result.notes.warnings() == ()


@patient
@given(st.lists(examples(), min_size=1, max_size=5))
def test_tsv_output_is_detected_as_tsv(written: list[MtodExample]) -> None:
    assert read_examples_with_notes(write_mtod_tsv(written)).notes.format == FileFormat.MTOD_TSV


@patient
@given(examples(for_json=True))
def test_tsv_round_trip_is_lossless_or_refused(written: MtodExample) -> None:
    with suppress(InvalidInput):
        assert read_examples(write_mtod_tsv([written]), format="mtod-tsv") == [written]


@patient
@given(st.integers(0, 8), st.integers(0, 8))
def test_tsv_spans_have_no_white_space_at_their_edges(start: int, length: int) -> None:
    with suppress(InvalidInput):
        [example] = read_examples(f"a\t{start}:{start + length}:x\t 明 天 b \n".encode())
        [value] = [example.text[span.start : span.end] for span in example.slots]
        assert value == value.strip()


@patient
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode), FORMATS)
def test_read_examples_raises_only_invalid_input_for_random_bytes(
    data: bytes, file_format: str | None
) -> None:
    try:
        assert read_examples(data, format=file_format)
    except InvalidInput as error:
        assert all(fault.pointer.startswith("line ") for fault in error.faults)


ALMOST = st.lists(
    st.sampled_from(
        [
            "\t",
            "\n",
            "\n\n",
            " ",
            "a",
            "1",
            "0:1:x",
            "-1:1:x",
            "O",
            "B-x",
            "I-x",
            "#",
            "# text: a",
            "# slots: 0:1:x",
            "{",
            "}",
        ]
    ),
    max_size=30,
).map("".join)


@patient
@given(ALMOST, FORMATS)
def test_read_examples_raises_only_invalid_input_for_near_valid_files(
    text: str, file_format: str | None
) -> None:
    with suppress(InvalidInput):
        assert read_examples(text.encode(), format=file_format)
