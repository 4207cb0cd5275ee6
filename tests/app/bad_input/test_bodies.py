"""Request bodies that cannot be parsed, are no requests, or are too large."""

from pathlib import Path
from typing import Any

import pytest

from tests.app.service import Service, adaptation, example, faults, problem, running

PATHS = ("/adapt", "/pretrain", "/datasets", "/predict/mtod")


def post_raw(service: Service, body: bytes, path: str = "/adapt", kind: str = "application/json") -> Any:
    return service.http.post(path, content=body, headers={"content-type": kind})


@pytest.mark.parametrize("path", PATHS)
class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"\xff\xfe{\x00}\x00",
            b'{"language": "\xe9s"}',
            b'{"top_k": NaN}',
            b'{"top_k": Infinity}',
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b'{"top_k": ' + b"9" * 10_000 + b"}",
            b"\x00",
        ],
        ids=[
            "empty",
            "cut",
            "utf-16",
            "latin-1",
            "nan",
            "infinity",
            "deep-list",
            "deep-object",
            "huge",
            "nul",
        ],
    )
    def test_body_that_is_no_json_is_unreadable(self, service: Service, path: str, body: bytes) -> None:
        problem(post_raw(service, body, path), 400)

    @pytest.mark.parametrize("body", [b"null", b"7", b'"x"', b"[]", b'{"a": 1e999}', b"[" * 900 + b"]" * 900])
    def test_body_that_is_no_request_is_invalid(self, service: Service, path: str, body: bytes) -> None:
        problem(post_raw(service, body, path), 422)

    @pytest.mark.parametrize(
        "kind", ["", "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded", "/;="]
    )
    def test_body_of_another_media_type_is_refused(self, service: Service, path: str, kind: str) -> None:
        problem(post_raw(service, b"{}", path, kind), 415)

    def test_repeated_name_is_a_fault(self, service: Service, path: str) -> None:
        body = b'{"language": "es", "a": [{"b/c": {"x": 1, "x": 2}}], "language": "fr"}'

        refusal = problem(post_raw(service, body, path), 422)

        assert set(faults(refusal)) == {"", "/a/0/b~1c"}

    def test_unknown_field_is_a_fault(self, service: Service, path: str) -> None:
        refusal = problem(post_raw(service, b'{"colour": "red"}', path), 422)

        assert faults(refusal)["/colour"] == "is not a known field"

    def test_deeply_nested_value_is_a_fault(self, service: Service, path: str) -> None:
        body = b'{"language": ' + b"[" * 900 + b"]" * 900 + b"}"

        problem(post_raw(service, body, path), 422)


def test_body_with_a_content_length_over_the_limit_is_refused(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path, max_body_bytes=2_000) as service:
        response = service.http.post(
            "/adapt",
            content=iter([b"{}"]),
            headers={"content-type": "application/json", "content-length": "2001"},
        )

        refusal = problem(response, 413)
        assert refusal["detail"] == "the request body is over the limit of 2000 bytes"


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
def test_body_over_the_limit_is_cut_off(redis_url: str, tmp_path: Path, kind: str) -> None:
    with running(redis_url, tmp_path, max_body_bytes=2_000) as service:
        start = b'--x\r\nContent-Disposition: form-data; name="examples"; filename="a"\r\n\r\n'
        body = iter([start, *[b"a" * 500] * 10])

        problem(service.http.post("/adapt", content=body, headers={"content-type": kind}), 413)


def test_examples_over_the_limit_are_refused(service: Service) -> None:
    refusal = service.refused(413, adaptation(examples=[example()] * 20_001))

    assert refusal["detail"] == "/examples has 20001 entries; the limit is 20000"


def test_utterances_over_the_limit_are_refused(service: Service) -> None:
    body = {"utterances": ["hola"] * 257, "language": "es"}

    refusal = service.refused(413, body, "/predict/mtod")

    assert refusal["detail"] == "/utterances has 257 entries; the limit is 256"
