"""Bodies that are no request, or too large."""

from collections.abc import Iterable
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
    def test_what_is_no_json(self, service: Service, path: str, body: bytes) -> None:
        problem(post_raw(service, body, path), 400)

    @pytest.mark.parametrize("body", [b"null", b"7", b'"x"', b"[]", b'{"a": 1e999}', b"[" * 900 + b"]" * 900])
    def test_what_is_no_request(self, service: Service, path: str, body: bytes) -> None:
        problem(post_raw(service, body, path), 422)

    @pytest.mark.parametrize(
        "kind", ["", "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded", "/;="]
    )
    def test_a_body_of_another_kind(self, service: Service, path: str, kind: str) -> None:
        problem(post_raw(service, b"{}", path, kind), 415)

    def test_a_name_that_occurs_twice(self, service: Service, path: str) -> None:
        body = b'{"language": "es", "a": [{"b/c": {"x": 1, "x": 2}}], "language": "fr"}'

        told = problem(post_raw(service, body, path), 422)

        assert set(faults(told)) == {"", "/a/0/b~1c"}

    def test_a_field_that_nobody_knows(self, service: Service, path: str) -> None:
        told = problem(post_raw(service, b'{"colour": "red"}', path), 422)

        assert faults(told)["/colour"] == "is not a field that is known here"

    def test_a_value_nested_as_deep_as_json_may_be(self, service: Service, path: str) -> None:
        body = b'{"language": ' + b"[" * 900 + b"]" * 900 + b"}"

        problem(post_raw(service, body, path), 422)


def test_a_body_that_says_it_is_too_large_is_not_read(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path, max_body_bytes=2_000) as service:
        read = []

        def body() -> Iterable[bytes]:
            read.append(True)
            yield b"{}"

        response = service.http.post(
            "/adapt",
            content=body(),
            headers={"content-type": "application/json", "content-length": "2001"},
        )

        told = problem(response, 413)
        assert told["detail"] == "the request body is over the limit of 2000 bytes"


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
def test_a_body_that_does_not_say_is_cut_off_on_the_way(redis_url: str, tmp_path: Path, kind: str) -> None:
    with running(redis_url, tmp_path, max_body_bytes=2_000) as service:
        start = b'--x\r\nContent-Disposition: form-data; name="examples"; filename="a"\r\n\r\n'
        body = iter([start, *[b"a" * 500] * 10])

        problem(service.http.post("/adapt", content=body, headers={"content-type": kind}), 413)


def test_more_examples_than_are_taken(service: Service) -> None:
    told = service.refused(413, adaptation(examples=[example()] * 20_001))

    assert told["detail"] == "/examples has 20001 entries; the limit is 20000"


def test_more_utterances_than_are_taken(service: Service) -> None:
    body = {"utterances": ["hola"] * 257, "language": "es"}

    told = service.refused(413, body, "/predict/mtod")

    assert told["detail"] == "/utterances has 257 entries; the limit is 256"
