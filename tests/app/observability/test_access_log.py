"""The access log: one line per request, with its id and without user input."""

from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from tests.app.service import Service, adaptation

Line = dict[str, Any]


@pytest.fixture
def lines() -> Any:
    """All log entries, including the bound context."""
    with capture_logs([structlog.contextvars.merge_contextvars]) as captured:
        yield captured


def request_lines(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line["event"] == "request"]


def test_access_log_writes_one_line_per_request(service: Service, lines: list[Line]) -> None:
    service.http.get("/jobs/one?limit=3", headers={"x-request-id": "trace-1"})
    (line,) = request_lines(lines)
    assert line.pop("milliseconds") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "request_id": "trace-1",
        "method": "GET",
        "route": "/jobs/{job_id}",
        "status": 404,
    }


def test_every_log_line_of_a_request_has_its_id(service: Service, lines: list[Line]) -> None:
    service.http.post("/adapt", json=adaptation(), headers={"x-request-id": "trace-1"})
    assert [line["event"] for line in lines] == ["job_submitted", "request"]
    assert {line["request_id"] for line in lines} == {"trace-1"}


def test_job_submission_is_logged_with_the_job_id(service: Service, lines: list[Line]) -> None:
    job = service.adapt()
    assert lines[0]["job_id"] == job["job_id"]
    assert (lines[0]["kind"], lines[0]["task"], lines[0]["language"]) == ("adapt", "mtod", "es")


def test_unexpected_error_is_logged_with_the_request_id(service: Service, lines: list[Line]) -> None:
    service.loader.failure = RuntimeError("a bug")
    response = service.http.post("/predict/mtod", json={"utterances": ["hola"], "language": "es"})
    assert request_lines(lines)[0]["status"] == 500
    assert {line["request_id"] for line in lines} == {response.headers["x-request-id"]}


def test_probe_routes_are_logged_at_debug_unless_they_fail(
    fresh: Service, without_redis: Service, lines: list[Line]
) -> None:
    for path in ("/health/live", "/health/ready", "/metrics"):
        fresh.http.get(path)
    without_redis.http.get("/health/ready")
    assert [line["log_level"] for line in request_lines(lines)] == ["debug", "debug", "debug", "info"]
    assert request_lines(lines)[-1]["status"] == 503


def test_user_input_is_never_logged(service: Service, lines: list[Line]) -> None:
    secret = "xyzzy"
    service.http.post(
        "/predict/mtod", json={"utterances": [f"{secret} hola", "a " * 500 + secret], "language": "es"}
    )
    service.http.post("/predict/mtod", json={"utterances": [secret], "language": secret * 9})
    service.adapt(
        examples=[
            {"text": f"{secret} {n}", "intent": i, "slots": []}
            for i in ("alarm/set_alarm", "reminder/set_reminder", "weather/find")
            for n in range(6)
        ]
    )
    service.http.get(f"/{secret}?q={secret}")
    assert len(request_lines(lines)) == 4
    assert secret not in repr(lines)
