import json
from collections.abc import Sequence

import pytest

from core.contracts.examples import MtodExample, SlotSpan
from core.errors import InvalidInput
from core.formats import read_examples, read_examples_with_notes, write_mtod_tsv


def faults_of(table: str) -> list[str]:
    with pytest.raises(InvalidInput) as excinfo:
        read_examples(table.encode(), format="mtod-tsv")
    return [str(fault) for fault in excinfo.value.faults]


def tokenizations(spans: Sequence[tuple[int, int]]) -> str:
    listed = [{"start": start, "length": end - start} for start, end in spans]
    return json.dumps({"tokenizations": [{"tokens": [], "tokenSpans": listed, "tokenizerType": 2}]})


@pytest.mark.parametrize(
    "trailing", ["", "\tes_XX", "\tes_XX\t", "\tes_XX\t" + tokenizations([(0, 8), (9, 14)])]
)
def test_tsv_last_columns_are_optional(trailing: str) -> None:
    [example] = read_examples(f"lamp/on\t9:14:room\tEnciende salón{trailing}".encode())

    assert example.intent == "lamp/on"
    assert [(span.slot, example.text[span.start : span.end]) for span in example.slots] == [("room", "salón")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Pon música tranquila mañana", "mañana"),
        ("ช่วยเปิดไฟห้องนอนคืนนี้", "คืนนี้"),
        ("شغّل المصباح غدًا", "غدًا"),
        ("कल सुबह मुझे जगाना", "कल सुबह"),
        ("明天早上打开客厅的灯", "明天早上"),
        ("👩‍👩‍👧 dinner at 8 🎉", "8 🎉"),
    ],
)
def test_tsv_offsets_count_code_points(text: str, value: str) -> None:
    start = text.index(value)

    [example] = read_examples(f"a/b\t{start}:{start + len(value)}:when\t{text}\n".encode())

    assert example.text[example.slots[0].start : example.slots[0].end] == value


def test_tsv_text_keeps_trailing_space() -> None:
    [example] = read_examples(b'lamp/off\t\t Apaga "todo" \tes_XX\r\n')

    assert example.text == ' Apaga "todo" '


def test_tsv_examples_have_no_tokens() -> None:
    [example] = read_examples(f"lamp/off\t\tapaga\tes_XX\t{tokenizations([(0, 5)])}".encode())

    assert example.tokens is None


def test_tsv_blank_lines_are_skipped_but_counted() -> None:
    assert faults_of("a\t\tuno\n\na\t\t \n") == ["line 3: text: the text is empty"]


def test_tsv_spans_are_sorted() -> None:
    [example] = read_examples(b"a\t4:7:two,0:3:one\tuno dos")

    assert [span.slot for span in example.slots] == ["one", "two"]


def test_tsv_slot_name_may_contain_a_colon() -> None:
    [example] = read_examples(b"a\t0:3:x:y,4:7:w\tuno dos")

    assert [span.slot for span in example.slots] == ["x:y", "w"]


def test_tsv_span_with_white_space_at_an_edge_is_trimmed_and_noted() -> None:
    result = read_examples_with_notes(b"a\t\tuno\na\t3:9:when,9:13:who\tuno  dos  tres\n")

    assert [(span.start, span.end) for span in result.examples[1].slots] == [(5, 8), (10, 13)]
    assert result.notes.trimmed_spans == (2, 2)


def test_tsv_spans_are_trimmed_before_overlaps_are_checked() -> None:
    [example] = read_examples(b"a\t0:4:one,3:7:two\tuno dos")

    assert [(span.start, span.end) for span in example.slots] == [(0, 3), (4, 7)]


def test_tsv_span_that_begins_before_the_text_is_clipped_and_noted() -> None:
    result = read_examples_with_notes(b"a\t-2:3:when\tuno dos")

    assert result.examples[0].slots == (SlotSpan(slot="when", start=0, end=3),)
    assert result.notes.clipped_spans == (1,)


def test_tsv_reports_a_span_of_white_space_only() -> None:
    assert faults_of("a\t3:4:when\tuno dos") == ["line 1: slots/0 (when 3:4) covers only white space"]


@pytest.mark.parametrize("start", [-5, -1])
def test_tsv_reports_a_span_outside_the_text(start: int) -> None:
    [fault] = faults_of(f"a\t{start}:0:when\tuno dos")

    assert fault.startswith("line 1: slots/0/start: ")


def test_tsv_character_spans_take_precedence_over_conflicting_tokens() -> None:
    agreeing = f"a\t4:7:who\tuno dos\ten_XX\t{tokenizations([(0, 3), (4, 7)])}"
    contradicting = f"a\t4:7:who\tuno dos\ten_XX\t{tokenizations([(0, 3), (4, 6)])}"

    result = read_examples_with_notes(f"{agreeing}\n{contradicting}\n".encode())

    assert result.examples[0] == result.examples[1]
    assert result.notes.token_conflicts == (2,)


def test_tsv_locales_are_counted() -> None:
    result = read_examples_with_notes(b"a\t\tuno\tes_XX\na\t\tdos\tes_MX\na\t\ttres\tes_XX\n")

    assert result.notes.locales == {"es_MX": 1, "es_XX": 2}


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        ("a", "found 1: slots and utterance missing"),
        ("a\t0:1:x", "found 2: utterance missing"),
        ("a\t\tuno\tes\t\tmore", "found 6: too many"),
    ],
)
def test_tsv_reports_a_wrong_number_of_columns(row: str, detail: str) -> None:
    [fault] = faults_of(f"a\t\tuno\n{row}\n")

    assert fault.startswith("line 2: expected 3 to 5 columns")
    assert fault.endswith(detail)


@pytest.mark.parametrize("item", ["x:1:when", "0:3", "0:3:", "0-3-when", "0:3:two words"])
def test_tsv_reports_a_malformed_span(item: str) -> None:
    assert faults_of(f"a\t4:7:who,{item}\tuno dos") == [
        f"line 1: slots/1: expected start:end:slot, found {item!r}"
    ]


def test_tsv_reports_malformed_tokenizations() -> None:
    [fault] = faults_of("a\t\tuno\tes_XX\t{oops")

    assert fault.startswith("line 1: tokenizations: not JSON: ")


def test_tsv_reports_all_faults_of_a_file() -> None:
    table = "a\t0:9:when\tuno\nb c\t\tdos\nbien\t\ttres\na\t0:2:x,1:3:y\tuno\na\t0:9:x,2:2:y\tuno\n"

    assert faults_of(table) == [
        "line 1: slots/0 (when 0:9) ends outside the text, which has 3 characters",
        "line 2: intent: must have 1 to 128 characters and no white space, found 'b c'",
        "line 4: slots/1 (y 1:3) overlaps slots/0 (x 0:2)",
        "line 5: slots/0 (x 0:9) ends outside the text, which has 3 characters",
        "line 5: slots/1 (y 2:2) is empty: start must be less than end",
        "line 5: slots/1 (y 2:2) overlaps slots/0 (x 0:9)",
    ]


def test_tsv_reports_other_faults_beside_an_undecodable_line() -> None:
    with pytest.raises(InvalidInput) as excinfo:
        read_examples(b"a\t\tma\xf1ana\nb\t\t \n")

    assert [fault.pointer for fault in excinfo.value.faults] == ["line 1", "line 2"]


def test_write_mtod_tsv_writes_the_locale_as_the_fourth_column() -> None:
    example = MtodExample(text="uno dos", intent="a", slots=(SlotSpan(slot="x", start=4, end=7),))

    assert write_mtod_tsv([example], locale="es_XX") == b"a\t4:7:x\tuno dos\tes_XX\n"
    assert write_mtod_tsv([example]) == b"a\t4:7:x\tuno dos\n"


def test_write_mtod_tsv_reports_every_unsupported_feature() -> None:
    with_comma = SlotSpan(slot="x,y", start=0, end=3)
    examples = [
        MtodExample(text="uno\tdos\n", intent="a"),
        MtodExample(text="uno", intent="a", tokens=("uno",)),
        MtodExample(text="uno", intent="\ufeffa", slots=(with_comma,)),
    ]

    with pytest.raises(InvalidInput) as excinfo:
        write_mtod_tsv(examples)

    assert [str(fault).split(";")[0] for fault in excinfo.value.faults] == [
        "line 1: text: a table cannot hold a tab",
        "line 1: text: a table cannot hold a line break",
        "line 2: tokens: a table cannot hold tokens",
        "line 3: intent: begins with a byte order mark (U+FEFF)",
        "line 3: slots/0: a table cannot hold a comma in a name, 'x,y'",
    ]
