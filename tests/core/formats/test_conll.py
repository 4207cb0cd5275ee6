import pytest

from core.contracts.examples import MtodExample
from core.errors import InvalidInput
from core.formats import FileFormat, ReadResult, read_examples_with_notes

WITH_HEADERS = """\
# text: Despierta a Ñandú el lunes
# intent: alarm/add
# slots: 12:17:person,21:26:day
1\tdespierta\talarm/add\tNoLabel
2\ta\talarm/add\tNoLabel
3\tñandú\talarm/add\tB-person
4\tel\talarm/add\tNoLabel
5\tlunes\talarm/add\tB-day
"""


def read(text: str) -> ReadResult[MtodExample]:
    return read_examples_with_notes(text.encode(), format="conll")


def faults_of(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as excinfo:
        read(text)
    return [str(fault) for fault in excinfo.value.faults]


def values(result: ReadResult[MtodExample]) -> list[list[tuple[str, str]]]:
    return [
        [(span.slot, each.text[span.start : span.end]) for span in each.slots] for each in result.examples
    ]


def test_conll_reads_the_headers_of_the_mtod_release() -> None:
    result = read_examples_with_notes(WITH_HEADERS.encode())

    assert result.notes.format == FileFormat.CONLL
    assert result.examples[0].text == "Despierta a Ñandú el lunes"
    assert result.examples[0].intent == "alarm/add"
    assert values(result) == [[("person", "Ñandú"), ("day", "lunes")]]
    assert result.notes.warnings() == ()


def test_conll_headers_take_precedence_over_conflicting_tags() -> None:
    result = read(
        WITH_HEADERS + "\n" + WITH_HEADERS.replace("lunes\talarm/add\tB-day", "lunes\talarm/add\tNoLabel")
    )

    assert result.examples[0] == result.examples[1]
    assert result.notes.token_conflicts == (12,)


@pytest.mark.parametrize("mark", ["'", "’"])
def test_conll_possessive_at_the_end_of_a_span_is_excluded_and_noted(mark: str) -> None:
    result = read(f"# text: read Ana{mark}s notes\n# intent: notes/read\n# slots: 5:10:person\n")

    assert values(result) == [[("person", "Ana")]]
    assert result.notes.possessives == (3,)
    assert "1 span(s) ended in a possessive" in result.notes.warnings()[0]


def test_conll_tokens_are_optional_with_headers() -> None:
    result = read("# text: 打开客厅的灯\n# intent: lamp/on\n# slots: 2:4:room\n")

    assert values(result) == [[("room", "客厅")]]


def test_conll_text_keeps_trailing_space() -> None:
    assert read("# text: apaga \n# intent: lamp/off\n# slots: \n").examples[0].text == "apaga "


def test_conll_text_header_may_end_like_a_tag() -> None:
    assert read("# text: call group O\n# intent: call\n# slots:\n").examples[0].text == "call group O"


def test_conll_tags_are_aligned_with_the_text_without_slots_header() -> None:
    result = read(
        "# text = Luz: ¡roja!\n# intent = colour\n1\tluz\tO\n2\t:\tO\n3\t¡\tO\n4\troja\tB-colour\n5\t!\tO\n"
    )

    assert values(result) == [[("colour", "roja")]]


@pytest.mark.parametrize(
    "lines",
    [
        "1\tकल\talarm/add\tB-day\n2\tसुबह\talarm/add\tI-day\n3\tजगाओ\talarm/add\tO\n",
        "# intent: alarm/add\n1\tकल\tB-day\n2\tसुबह\tI-day\n3\tजगाओ\tO\n",
        "# intent: alarm/add\nकल\tB-day\nसुबह\tI-day\nजगाओ\tO\n",
        "# intent: alarm/add\nकल B-day\nसुबह I-day\nजगाओ O\n",
    ],
)
def test_conll_text_is_the_joined_tokens_without_headers(lines: str) -> None:
    result = read_examples_with_notes(lines.encode())

    assert result.examples[0].text == "कल सुबह जगाओ"
    assert result.examples[0].intent == "alarm/add"
    assert values(result) == [[("day", "कल सुबह")]]


def test_conll_number_sign_token_is_not_a_comment() -> None:
    result = read("# intent: tag\n# a comment\n# O\nلون B-colour\n# O\n")

    assert result.examples[0].text == "# لون #"


def test_conll_orphan_inside_tag_begins_a_slot_and_is_noted() -> None:
    result = read("# intent: a\nuno I-x\ndos O\n\n# intent: a\ntres O\n")

    assert values(result) == [[("x", "uno")], []]
    assert result.notes.orphan_tags == (2,)


def test_conll_block_of_comments_is_skipped() -> None:
    assert len(read("# made by hand\n\n# id: 7\n# intent: a\nuno O\n\n\n").examples) == 1


def test_conll_reports_a_missing_intent() -> None:
    assert faults_of("# intent: a\nuno O\n\ndos O\n") == [
        "line 4: intent: expected one for the utterance, found none in '# intent:' or a column"
    ]


def test_conll_reports_several_intents() -> None:
    assert faults_of("# intent: a\n1\tuno\tb\tO\n") == [
        "line 1: intent: expected one for the utterance, found a, b"
    ]


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("uno", "expected 2 to 4 columns (number, token, intent, tag), found 1"),
        ("1\tuno\ta\tO\tmore", "expected 2 to 4 columns (number, token, intent, tag), found 5"),
        ("uno\tO\tO", "expected the number of the token in the first of 3 columns, found 'uno'"),
        ("uno\tE-x", "expected O, B-slot or I-slot in the last column, found 'E-x'"),
        ("\tO", "the token is empty"),
    ],
)
def test_conll_reports_a_malformed_token_line(line: str, detail: str) -> None:
    assert faults_of(f"# intent: a\nbien\tO\n{line}\n") == [f"line 3: {detail}"]


def test_conll_reports_tokens_that_are_not_in_the_text() -> None:
    assert faults_of("# text: uno dos\n# intent: a\ntres O\n") == [
        "line 1: text: the tokens below do not follow each other in it"
    ]


def test_conll_reports_a_span_outside_the_text() -> None:
    assert faults_of("# intent: a\n# slots: 0:9:x\n# text: uno\nuno O\n") == [
        "line 3: slots/0 (x 0:9) ends outside the text, which has 3 characters"
    ]


def test_conll_reports_all_faults_of_a_file() -> None:
    faults = faults_of("# intent: a\nuno X\n\n# text: \n# intent: a\n\n# intent: b\n# slots: nine\ndos O\n")

    assert [fault.split(":")[0] for fault in faults] == ["line 1", "line 2", "line 4", "line 8"]


def test_conll_reports_a_file_of_comments_only() -> None:
    assert faults_of("# nothing here\n") == ["line 1: the file holds no example"]
