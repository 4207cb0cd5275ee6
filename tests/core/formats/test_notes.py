import pytest

from core.errors import InvalidInput
from core.formats.file_format import FileFormat
from core.formats.notes import MAX_FAULTS, Findings, ReadNotes


def test_without_faults_nothing_is_raised() -> None:
    Findings().raise_faults()


def test_faults_are_told_in_the_order_of_the_file() -> None:
    findings = Findings(faults=[(9, "late"), (2, "early"), (2, "early too")])

    with pytest.raises(InvalidInput) as caught:
        findings.raise_faults()

    assert [str(fault) for fault in caught.value.faults] == [
        "line 2: early",
        "line 2: early too",
        "line 9: late",
    ]


def test_pointers_are_told_in_the_order_of_their_document() -> None:
    findings = Findings(faults=[("/data/9/title", "early"), ("/data/10", "late")])

    with pytest.raises(InvalidInput) as caught:
        findings.raise_faults()

    assert [str(fault) for fault in caught.value.faults] == ["/data/9/title: early", "/data/10: late"]


def test_what_is_found_again_at_the_same_place_is_told_once() -> None:
    findings = Findings(faults=[("/a", "wrong"), ("/b", "wrong"), ("/a", "wrong")])

    with pytest.raises(InvalidInput) as caught:
        findings.raise_faults()

    assert [str(fault) for fault in caught.value.faults] == ["/a: wrong", "/b: wrong"]


def test_beyond_a_hundred_faults_the_rest_is_counted() -> None:
    findings = Findings(faults=[(line, "wrong") for line in range(1, MAX_FAULTS + 24)])

    with pytest.raises(InvalidInput) as caught:
        findings.raise_faults()

    assert len(caught.value.faults) == MAX_FAULTS + 1
    assert str(caught.value.faults[-1]) == "line 101: from here on 23 more faults"


def test_a_line_that_could_not_be_decoded_is_blamed_for_nothing_else() -> None:
    findings = Findings(undecodable={3})

    findings.fault(3, "nonsense")

    assert findings.faults == []


def test_notes_without_anything_to_tell_warn_of_nothing() -> None:
    assert ReadNotes(format=FileFormat.JSONL).warnings() == ()


def test_a_warning_counts_and_names_the_first_lines() -> None:
    notes = ReadNotes(
        format=FileFormat.MTOD_TSV, shrunk=(4, 4, 7), disagreeing=tuple(range(1, 20)), clipped=(8,)
    )

    shrunk, clipped, disagreeing = notes.warnings()

    assert shrunk == "3 span(s) began or ended with white space and were shrunk (lines 4, 7)"
    assert clipped.endswith("(line 8)")
    assert disagreeing.startswith("19 example(s)")
    assert disagreeing.endswith("(lines 1, 2, 3, 4, 5, …)")


def test_a_warning_counts_the_questions_that_were_left_out() -> None:
    [warning] = ReadNotes(format=FileFormat.SQUAD, unanswered=3).warnings()

    assert warning == "3 question(s) have no answer (SQuAD 2.0's is_impossible) and were left out"
