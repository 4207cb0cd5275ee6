"""Faulty files and forms."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.service import Service, example, faults, few_shot, problem


def post_raw(service: Service, body: bytes, path: str = "/adapt", kind: str = "application/json") -> Any:
    return service.http.post(path, content=body, headers={"content-type": kind})


def upload(service: Service, data: bytes, **fields: str) -> Any:
    return service.http.post(
        "/adapt", data={"language": "es", **fields}, files={"examples": ("es", data, "text/plain")}
    )


def test_file_that_is_not_utf_8_is_refused(service: Service) -> None:
    lines = [json.dumps(example, ensure_ascii=False).encode() for example in few_shot()]
    lines[6] = '{"text": "mañana", "intent": "alarm/set_alarm"}'.encode("latin-1")

    refusal = problem(upload(service, b"\n".join(lines)), 422)

    assert list(faults(refusal)) == ["line 7"]
    assert "UTF-8" in faults(refusal)["line 7"]


def test_table_without_a_column_is_refused(service: Service) -> None:
    row = "alarm/set_alarm\t15:25:datetime\tpon una alarma a las seis\tes_XX\t\n"
    rows = [row] * 6
    rows[3] = "alarm/set_alarm\t15:25:datetime\n"

    refusal = problem(upload(service, "".join(rows).encode()), 422)

    assert list(faults(refusal)) == ["line 4"]


def test_faults_of_files_and_fields_are_reported_together(service: Service) -> None:
    response = service.http.post(
        "/adapt",
        data={"language": "espanol", "hyperparameters": "{", "colour": "red", "method": "magic"},
        files={"examples": ("es.jsonl", b'{"text": ""}\n'), "evaluation": ("held.jsonl", b"[]\n")},
    )

    places = set(faults(problem(response, 422)))
    assert {"/language", "/hyperparameters", "/colour", "/method", "line 1"} <= places
    assert "evaluation line 1" in places


def test_empty_file_is_refused(service: Service) -> None:
    problem(upload(service, b""), 422)


def test_unknown_format_is_refused(service: Service) -> None:
    refusal = problem(upload(service, b"x", format="docx"), 422)

    assert "/format" in faults(refusal)


def test_repeated_form_field_is_a_fault(service: Service) -> None:
    refusal = problem(
        service.http.post("/adapt", data={"language": ["es", "fr"]}, files={"examples": ("es", b"{}")}),
        422,
    )

    assert faults(refusal)["/language"] == "was given 2 times"


def test_field_inside_and_beside_the_request_field_is_a_fault(service: Service) -> None:
    refusal = problem(upload(service, b"{}", request='{"language": "es"}'), 422)

    assert "/language" in faults(refusal)


@pytest.mark.parametrize("request_field", ["[]", "{", "7", '{"a": NaN}', '{"a": 1, "a": 2}'])
def test_request_field_that_is_no_object_is_a_fault(service: Service, request_field: str) -> None:
    refusal = problem(upload(service, b"{}", request=request_field), 422)

    assert "/request" in faults(refusal)


def test_file_in_another_field_is_a_fault(service: Service) -> None:
    refusal = problem(
        service.http.post("/adapt", data={"language": "es"}, files={"method": ("m", b"ft")}), 422
    )

    assert "is a file" in faults(refusal)["/method"]


def test_file_names_are_never_used_as_paths(service: Service, tmp_path: Path) -> None:
    line = json.dumps(example()).encode()
    files = {"examples": ("../../../../etc/passwd", line)}

    response = service.http.post("/datasets", data={"language": "es"}, files=files)

    assert response.status_code == 201
    assert not list(tmp_path.rglob("passwd"))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data"),
        (b"not multipart", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\nno disposition\r\n--x--\r\n", "multipart/form-data; boundary=x"),
        (
            b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_malformed_form_is_refused(service: Service, body: bytes, kind: str) -> None:
    response = post_raw(service, body, kind=kind)

    problem(response, response.status_code)
    assert response.status_code in {400, 422}


def test_form_with_too_many_parts_is_refused(service: Service) -> None:
    files = [("examples", (str(number), b"{}")) for number in range(20)]

    problem(service.http.post("/adapt", files=files), 400)
