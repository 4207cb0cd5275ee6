"""Limits of request bodies, by route, with and without a proxy's path prefix."""

from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from app.parsing import problems
from app.parsing.body_limit import BodyLimit

LIMIT = 10
UPLOAD_LIMIT = 100


@pytest.fixture
def app() -> FastAPI:
    """An app whose routes return the size of the request body; ``POST /upload`` has its own limit."""
    app = FastAPI()
    app.add_middleware(BodyLimit, max_bytes=LIMIT, of_routes={("POST", "/upload"): UPLOAD_LIMIT})
    problems.install(app)

    @app.api_route("/upload", methods=["POST", "PUT"])
    @app.post("/apix/upload")
    @app.post("/other")
    async def size(request: Request) -> int:
        return len(await request.body())

    return app


def chunks(size: int) -> Iterator[bytes]:
    """Yield single bytes: the body is sent without a content-length."""
    for _ in range(size):
        yield b"x"


def send(app: FastAPI, path: str, content: Any, *, method: str = "POST", root_path: str = "") -> Any:
    return TestClient(app, root_path=root_path).request(method, path, content=content)


def assert_too_large(response: Any, limit: int) -> None:
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] == f"the request body is over the limit of {limit} bytes"


@pytest.mark.parametrize("root_path", ["", "/api"])
@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(("path", "limit"), [("/other", LIMIT), ("/upload", UPLOAD_LIMIT)])
def test_body_limit_of_a_route_is_exact(
    app: FastAPI, root_path: str, is_streamed: bool, path: str, limit: int
) -> None:
    def body(size: int) -> Any:
        return chunks(size) if is_streamed else b"x" * size

    accepted = send(app, f"{root_path}{path}", body(limit), root_path=root_path)
    assert (accepted.status_code, accepted.json()) == (200, limit)
    assert_too_large(send(app, f"{root_path}{path}", body(limit + 1), root_path=root_path), limit)


def test_body_limit_of_a_route_holds_for_its_method_only(app: FastAPI) -> None:
    assert_too_large(send(app, "/upload", b"x" * (LIMIT + 1), method="PUT"), LIMIT)


def test_body_limit_does_not_match_a_string_prefix_of_a_path(app: FastAPI) -> None:
    """``/apix/upload`` is not ``/upload`` below ``/api``, although the string begins with ``/api``."""
    assert_too_large(send(app, "/apix/upload", b"x" * (LIMIT + 1), root_path="/api"), LIMIT)


def test_body_limit_applies_to_paths_without_a_route(app: FastAPI) -> None:
    assert_too_large(send(app, "/nowhere", b"x" * (LIMIT + 1)), LIMIT)


def test_body_limit_refuses_by_content_length_before_the_app_runs() -> None:
    async def forbidden(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("the app must not run")

    limited: Any = BodyLimit(forbidden, LIMIT)
    response = TestClient(limited).post("/other", content=b"", headers={"content-length": "9" * 30})
    assert_too_large(response, LIMIT)


@pytest.mark.parametrize("content_length", ["nonsense", "-1", ""])
def test_body_limit_counts_the_body_when_content_length_is_invalid(app: FastAPI, content_length: str) -> None:
    headers = {"content-length": content_length}
    response = TestClient(app).post("/other", content=b"x" * (LIMIT + 1), headers=headers)
    assert_too_large(response, LIMIT)


def test_body_limit_stops_reading_a_stream_at_the_limit(app: FastAPI) -> None:
    """An endless body is read up to the first byte over the limit."""
    chunks_read: list[bytes] = []
    responses: list[Any] = []

    async def receive() -> Any:
        chunks_read.append(b"x")
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def respond(message: Any) -> None:
        responses.append(message)

    scope = {"type": "http", "method": "POST", "path": "/other", "query_string": b"", "headers": []}
    anyio.run(app, scope, receive, respond)
    assert responses[0]["status"] == 413
    assert len(chunks_read) == LIMIT + 1


def test_body_limit_forwards_other_protocols() -> None:
    forwarded: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        forwarded.append(scope["type"])

    async def unused(*_: Any) -> Any:
        raise AssertionError

    anyio.run(BodyLimit(app, LIMIT), {"type": "lifespan"}, unused, unused)
    assert forwarded == ["lifespan"]
