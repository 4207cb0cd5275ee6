import pytest

from core.errors import InvalidInput
from core.formats.diagnostics import MAX_FAULTS, Diagnostics, ReadNotes
from core.formats.file_format import FileFormat


def test_raise_faults_does_nothing_without_faults() -> None:
    Diagnostics().raise_faults()


def test_faults_are_sorted_by_line() -> None:
    diagnostics = Diagnostics(faults=[(9, "late"), (2, "early"), (2, "early too")])

    with pytest.raises(InvalidInput) as excinfo:
        diagnostics.raise_faults()

    assert [str(fault) for fault in excinfo.value.faults] == [
        "line 2: early",
        "line 2: early too",
        "line 9: late",
    ]


def test_pointers_stay_in_document_order() -> None:
    diagnostics = Diagnostics(faults=[("/data/9/title", "early"), ("/data/10", "late")])

    with pytest.raises(InvalidInput) as excinfo:
        diagnostics.raise_faults()

    assert [str(fault) for fault in excinfo.value.faults] == ["/data/9/title: early", "/data/10: late"]


def test_duplicate_faults_are_reported_once() -> None:
    diagnostics = Diagnostics(faults=[("/a", "wrong"), ("/b", "wrong"), ("/a", "wrong")])

    with pytest.raises(InvalidInput) as excinfo:
        diagnostics.raise_faults()

    assert [str(fault) for fault in excinfo.value.faults] == ["/a: wrong", "/b: wrong"]


def test_faults_beyond_the_maximum_are_counted() -> None:
    diagnostics = Diagnostics(faults=[(line, "wrong") for line in range(1, MAX_FAULTS + 24)])

    with pytest.raises(InvalidInput) as excinfo:
        diagnostics.raise_faults()

    assert len(excinfo.value.faults) == MAX_FAULTS + 1
    assert str(excinfo.value.faults[-1]) == "line 101: from here on 23 more faults"


def test_add_fault_ignores_undecodable_lines() -> None:
    diagnostics = Diagnostics(undecodable_lines={3})

    diagnostics.add_fault(3, "nonsense")

    assert diagnostics.faults == []


def test_warnings_are_empty_without_notes() -> None:
    assert ReadNotes(format=FileFormat.JSONL).warnings() == ()


def test_warning_counts_and_lists_the_first_lines() -> None:
    notes = ReadNotes(
        format=FileFormat.MTOD_TSV,
        trimmed_spans=(4, 4, 7),
        token_conflicts=tuple(range(1, 20)),
        clipped_spans=(8,),
    )

    shrunk, clipped, disagreeing = notes.warnings()

    assert shrunk == "3 span(s) began or ended with white space and were shrunk (lines 4, 7)"
    assert clipped.endswith("(line 8)")
    assert disagreeing.startswith("19 example(s)")
    assert disagreeing.endswith("(lines 1, 2, 3, 4, 5, …)")


def test_warning_counts_the_skipped_questions() -> None:
    [warning] = ReadNotes(format=FileFormat.SQUAD, unanswered_questions=3).warnings()

    assert warning == "3 question(s) have no answer (SQuAD 2.0's is_impossible) and were left out"
