import pytest

from core.errors import InvalidInput
from core.formats.json_documents import first_members, parse_document


def fault_of(*lines: str) -> str:
    with pytest.raises(InvalidInput) as excinfo:
        parse_document(lines)
    [fault] = excinfo.value.faults
    return str(fault)


def test_parse_document_accepts_many_lines() -> None:
    assert parse_document(["{", '"a":', "[1, null]}"]) == {"a": [1, None]}


def test_parse_document_reports_line_and_column_of_syntax_errors() -> None:
    assert fault_of("{", '  "a": 1,', '  "b" 2', "}") == "line 3: not JSON: expected `:` at column 7"


def test_parse_document_columns_count_characters() -> None:
    assert fault_of('{"ไทย": "👩‍👩‍👧" 1}') == "line 1: not JSON: expected `,` or `}` at column 17"


def test_parse_document_reports_a_truncated_document_at_its_end() -> None:
    assert fault_of('{"a": [', "1,").startswith("line 2: not JSON: EOF while parsing")


def test_parse_document_reports_trailing_content() -> None:
    assert fault_of("{}", "{}") == "line 2: not JSON: trailing characters at column 1"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ('{"a": NaN}', "not JSON: NaN is not a number at column 7"),
        ("[Infinity]", "not JSON: Infinity is not a number at column 2"),
        ("[-Infinity]", "not JSON: Infinity is not a number at column 3"),
    ],
)
def test_parse_document_rejects_nan_and_infinity(document: str, expected: str) -> None:
    assert fault_of(document) == f"line 1: {expected}"


@pytest.mark.parametrize("document", ["[" * 500_000, '{"a":' * 100_000, "[" * 900 + "]" * 900])
def test_parse_document_rejects_deep_nesting(document: str) -> None:
    assert "not JSON: nested too deeply" in fault_of(document)


@pytest.mark.parametrize("document", ['["\\ud8"]', "[" + "1" * 5_000 + "]", '["a\tb"]', "nul", ""])
def test_parse_document_rejects_other_invalid_json(document: str) -> None:
    assert fault_of(document).startswith("line 1: not JSON: ")


def test_parse_document_accepts_unpaired_surrogates() -> None:
    assert parse_document(['["\\ud800"]']) == ["\ud800"]


def test_parse_document_reports_syntax_errors_beside_unpaired_surrogates() -> None:
    assert fault_of('["\\ud800",', "1 2]").startswith("line 2: not JSON: ")


def test_parse_document_reports_repeated_names_by_pointer() -> None:
    document = '{"data": [{"a": 1, "a": 2}]}'

    assert fault_of(document) == "/data/0: the name 'a' occurs more than once in this object"


def test_first_members_excludes_nested_names() -> None:
    text = '{"a": {"inner": 1}, "b\\"" : [{"c": "d"}], "e": "f: g", "h":\n7} {"next": 1}'

    assert list(first_members(text)) == [("a", "{"), ('b\\"', "["), ("e", '"'), ("h", "7")]
