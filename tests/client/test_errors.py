import socket
from typing import Any

import pytest

from tests.app.fake_service import FakeService, Reply
from xmetra_client import (
    ApiError,
    Client,
    ClientError,
    Conflict,
    Forbidden,
    InvalidInput,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    QueueFull,
    RateLimited,
    RetryableError,
    ServerError,
    ServiceUnavailable,
    ServiceUnreachable,
    StoreFull,
    Unauthenticated,
)


def problem(status: int, name: str = "about:blank", **headers: str) -> Reply:
    document = {"type": name, "title": "Title", "status": status, "detail": "the detail", "errors": []}
    return Reply(document, status, "application/problem+json", headers)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (412, PreconditionFailed),
        (413, PayloadTooLarge),
        (415, InvalidRequest),
        (418, ApiError),
        (422, InvalidInput),
        (429, RateLimited),
        (500, ServerError),
        (502, ServiceUnavailable),
        (503, ServiceUnavailable),
        (504, ServiceUnavailable),
        (507, StoreFull),
        (599, ServerError),
    ],
)
def test_problem_raises_the_error_of_its_status(
    service: FakeService, client: Client, status: int, kind: type[ApiError]
) -> None:
    service.answer("GET /languages", problem(status, **{"x-request-id": "request-1"}))

    with pytest.raises(ApiError, match="the detail") as caught:
        client.languages()

    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.request_id) == (status, "request-1")


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
@pytest.mark.parametrize("status", [429, 503])
def test_error_has_the_seconds_of_retry_after(
    service: FakeService, client: Client, status: int, header: str, seconds: float | None
) -> None:
    service.answer("GET /languages", problem(status, **{"retry-after": header}))

    with pytest.raises(RetryableError) as caught:
        client.languages()
    assert caught.value.retry_after == seconds


def test_full_queue_has_its_own_error(service: FakeService, client: Client) -> None:
    service.answer("GET /languages", problem(429, "urn:xmetra:problem:queue-full"))

    with pytest.raises(QueueFull) as caught:
        client.languages()
    assert caught.value.problem.type == "urn:xmetra:problem:queue-full"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_response_is_never_reported_as_unreachable(service: FakeService, client: Client, status: int) -> None:
    service.answer("GET /health/ready", Reply({"title": "Busy", "detail": "the queue is full"}, status))

    with pytest.raises(ApiError, match="the queue is full") as caught:
        client.ready()
    assert not isinstance(caught.value, ServiceUnreachable)


def test_invalid_input_lists_every_fault(service: FakeService, client: Client) -> None:
    faults = [{"pointer": "line 3", "detail": "no intent"}, {"pointer": "line 9", "detail": "no text"}]
    document = {"title": "Unusable", "status": 422, "detail": "2 faults", "errors": faults}
    service.answer("POST /predict/mtod", Reply(document, 422, "application/problem+json"))

    with pytest.raises(InvalidInput) as caught:
        client.predict_mtod(["x"], language="es")

    assert caught.value.errors == faults
    assert str(caught.value).splitlines() == ["2 faults", "  line 3: no intent", "  line 9: no text"]


@pytest.mark.parametrize("pointer", ["/examples/3", ""])
def test_message_states_a_fault_once_when_it_is_the_detail(
    service: FakeService, client: Client, pointer: str
) -> None:
    detail = f"{pointer}: the text is empty" if pointer else "the text is empty"
    faults = [{"pointer": pointer, "detail": "the text is empty"}]
    problem = {"title": "Unusable", "status": 422, "detail": detail, "errors": faults}
    service.answer("GET /languages", Reply(problem, 422))
    with pytest.raises(InvalidInput) as caught:
        client.languages()
    assert str(caught.value) == detail
    assert caught.value.errors == faults


@pytest.mark.parametrize("body", ["<h1>oh no</h1>", "[]", '{"title": "t", "errors": 3}', "{}", "null"])
def test_error_page_of_a_gateway_is_reported_by_its_status(
    service: FakeService, client: Client, body: Any
) -> None:
    service.answer("GET /health/ready", Reply(body, 500, "text/html"))

    with pytest.raises(ServerError, match="/health/ready answered 500"):
        client.ready()


def test_closed_port_is_unreachable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        Client(f"http://127.0.0.1:{port}") as client,
        pytest.raises(ServiceUnreachable, match=rf"no service answers at http://127.0.0.1:{port}"),
    ):
        client.ready()


@pytest.mark.parametrize("url", ["not a url", "ftp://127.0.0.1", "http://", "http://[::1", "http://a:99999"])
def test_invalid_address_is_unreachable(url: str) -> None:
    with pytest.raises(ServiceUnreachable), Client(url) as client:
        client.ready()


def test_every_error_is_a_client_error() -> None:
    assert issubclass(ApiError, ClientError)
    assert issubclass(ServiceUnreachable, ClientError)
