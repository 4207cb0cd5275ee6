import pytest

from core.errors import InvalidInput
from core.formats.json_documents import first_members, parse_document


def fault_of(*lines: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_document(lines)
    [fault] = caught.value.faults
    return str(fault)


def test_a_document_may_have_many_lines() -> None:
    assert parse_document(["{", '"a":', "[1, null]}"]) == {"a": [1, None]}


def test_a_document_that_is_not_json_is_told_with_line_and_column() -> None:
    assert fault_of("{", '  "a": 1,', '  "b" 2', "}") == "line 3: not JSON: expected `:` at column 7"


def test_columns_count_characters() -> None:
    assert fault_of('{"ไทย": "👩‍👩‍👧" 1}') == "line 1: not JSON: expected `,` or `}` at column 17"


def test_a_document_that_is_cut_off_is_told_at_its_end() -> None:
    assert fault_of('{"a": [', "1,").startswith("line 2: not JSON: EOF while parsing")


def test_a_document_that_goes_on_is_told() -> None:
    assert fault_of("{}", "{}") == "line 2: not JSON: trailing characters at column 1"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ('{"a": NaN}', "not JSON: NaN is not a number at column 7"),
        ("[Infinity]", "not JSON: Infinity is not a number at column 2"),
        ("[-Infinity]", "not JSON: Infinity is not a number at column 3"),
    ],
)
def test_numbers_that_json_has_not_are_told(document: str, expected: str) -> None:
    assert fault_of(document) == f"line 1: {expected}"


@pytest.mark.parametrize("document", ["[" * 500_000, '{"a":' * 100_000, "[" * 900 + "]" * 900])
def test_depth_is_told_and_crashes_nothing(document: str) -> None:
    assert "not JSON: nested too deeply" in fault_of(document)


@pytest.mark.parametrize("document", ['["\\ud800"]', "[" + "1" * 5_000 + "]", '["a\tb"]', "nul", ""])
def test_what_else_is_not_json_is_told(document: str) -> None:
    assert fault_of(document).startswith("line 1: not JSON: ")


def test_the_names_of_the_first_object_are_seen_without_those_inside_it() -> None:
    text = '{"a": {"inner": 1}, "b\\"" : [{"c": "d"}], "e": "f: g", "h":\n7} {"next": 1}'

    assert list(first_members(text)) == [("a", "{"), ('b\\"', "["), ("e", '"'), ("h", "7")]
