import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.parsing.documents import parse_json
from app.parsing.problems import UnreadableBody
from core.errors import InvalidInput

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_parse_json_agrees_with_json_loads(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode(errors="replace")) is not ...


@given(st.binary(max_size=50))
def test_parse_json_refuses_arbitrary_bytes(data: bytes) -> None:
    try:
        parse_json(data)
    except InvalidInput as error:
        assert error.faults


def test_parse_json_accepts_a_byte_order_mark() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b'{"a": "\xe9"}', "byte 7 is not UTF-8"),
        (b'{"a":\n 1,}', "line 2 column 4 is not JSON"),
        (b"[NaN]", "NaN is not a number of JSON"),
        (b"[-Infinity]", "-Infinity is not a number of JSON"),
        (b"[" * 5_000, "the document is nested too deeply"),
    ],
)
def test_parse_json_reports_the_place_of_an_error(data: bytes, detail: str) -> None:
    with pytest.raises(UnreadableBody, match=detail.replace("[", r"\[")):
        parse_json(data)


def test_parse_json_reports_repeated_names_in_the_order_of_the_document() -> None:
    data = b'{"a": {"x": 1, "x": 1}, "b": [0, {"y/z": {"w": 1, "w": 2}}], "b2": 0}'

    with pytest.raises(InvalidInput) as caught:
        parse_json(data)

    assert [fault.pointer for fault in caught.value.faults] == ["/a", "/b/1/y~1z"]
