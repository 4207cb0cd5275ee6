"""Files and forms that cannot be read."""

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


def test_a_file_that_is_not_utf_8(service: Service) -> None:
    lines = [json.dumps(one, ensure_ascii=False).encode() for one in few_shot()]
    lines[6] = '{"text": "mañana", "intent": "alarm/set_alarm"}'.encode("latin-1")

    told = problem(upload(service, b"\n".join(lines)), 422)

    assert list(faults(told)) == ["line 7"]
    assert "UTF-8" in faults(told)["line 7"]


def test_a_table_with_a_column_missing(service: Service) -> None:
    row = "alarm/set_alarm\t15:25:datetime\tpon una alarma a las seis\tes_XX\t\n"
    rows = [row] * 6
    rows[3] = "alarm/set_alarm\t15:25:datetime\n"

    told = problem(upload(service, "".join(rows).encode()), 422)

    assert list(faults(told)) == ["line 4"]


def test_faults_of_files_and_fields_come_together(service: Service) -> None:
    response = service.http.post(
        "/adapt",
        data={"language": "espanol", "hyperparameters": "{", "colour": "red", "method": "magic"},
        files={"examples": ("es.jsonl", b'{"text": ""}\n'), "evaluation": ("held.jsonl", b"[]\n")},
    )

    places = set(faults(problem(response, 422)))
    assert {"/language", "/hyperparameters", "/colour", "/method", "line 1"} <= places
    assert "evaluation line 1" in places


def test_an_empty_file(service: Service) -> None:
    problem(upload(service, b""), 422)


def test_a_format_that_does_not_exist(service: Service) -> None:
    told = problem(upload(service, b"x", format="docx"), 422)

    assert "/format" in faults(told)


def test_a_field_given_twice(service: Service) -> None:
    told = problem(
        service.http.post("/adapt", data={"language": ["es", "fr"]}, files={"examples": ("es", b"{}")}),
        422,
    )

    assert faults(told)["/language"] == "was given 2 times"


def test_a_field_in_the_request_and_beside_it(service: Service) -> None:
    told = problem(upload(service, b"{}", request='{"language": "es"}'), 422)

    assert "/language" in faults(told)


@pytest.mark.parametrize("request_field", ["[]", "{", "7", '{"a": NaN}', '{"a": 1, "a": 2}'])
def test_a_request_field_that_is_no_object(service: Service, request_field: str) -> None:
    told = problem(upload(service, b"{}", request=request_field), 422)

    assert "/request" in faults(told)


def test_a_file_where_none_belongs(service: Service) -> None:
    told = problem(service.http.post("/adapt", data={"language": "es"}, files={"method": ("m", b"ft")}), 422)

    assert "is a file" in faults(told)["/method"]


def test_file_names_are_never_paths(service: Service, tmp_path: Path) -> None:
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
def test_a_broken_form(service: Service, body: bytes, kind: str) -> None:
    response = post_raw(service, body, kind=kind)

    problem(response, response.status_code)
    assert response.status_code in {400, 422}


def test_a_form_with_too_many_parts(service: Service) -> None:
    files = [("examples", (str(number), b"{}")) for number in range(20)]

    problem(service.http.post("/adapt", files=files), 400)
