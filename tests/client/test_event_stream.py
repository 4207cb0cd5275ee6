"""What `EventStream` needs of httpx-sse, and what it does with its events."""

import json

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent

from tests.app.fake_service import MOMENT
from xmetra_client import InvalidResponse
from xmetra_client.events import EventStream

DATA = json.dumps({"event": "progress", "at": MOMENT.isoformat(), "data": {"percent": 5}})


def parse_stream(text: str) -> list[ServerSentEvent]:
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=text.encode())
    return list(EventSource(response).iter_sse())


def resume_id(*events: ServerSentEvent) -> str | None:
    """Return the id after which a stream resumes that has received events."""
    stream = EventStream("job-1")
    for event in events:
        stream.parse(event)
    headers: dict[str, str] = stream.request().arguments["headers"]
    return headers.get("Last-Event-ID")


def test_event_has_its_type_data_and_id() -> None:
    (event,) = parse_stream("id: 7-0\nevent: progress\ndata: {}\n\n")

    assert (event.id, event.event, event.data) == ("7-0", "progress", "{}")


def test_several_data_lines_are_joined() -> None:
    (event,) = parse_stream("data: a\ndata:b\ndata\n\n")

    assert event.data == "a\nb\n"


@pytest.mark.parametrize(("line", "data"), [("data:x", "x"), ("data: x", "x"), ("data:  x", " x")])
def test_one_space_after_the_colon_is_removed(line: str, data: str) -> None:
    (event,) = parse_stream(f"{line}\n\n")

    assert event.data == data


def test_unicode_line_separator_does_not_end_a_line() -> None:
    (event,) = parse_stream("data: a\u2028b\x85c\n\n")

    assert event.data == "a\u2028b\x85c"


def test_event_that_breaks_off_is_dropped() -> None:
    assert parse_stream("id: 1\ndata: half") == []
    assert parse_stream("id: 1\ndata: half\n") == []


def test_ping_has_no_job_event() -> None:
    first, ping = parse_stream(f"id: 1\ndata: {DATA}\n\n: ping\n\n")
    stream = EventStream("job-1")

    assert stream.parse(first) is not None
    assert stream.parse(ping) is None


def test_stream_resumes_after_the_last_id() -> None:
    first, second = parse_stream(f"id: 1\ndata: {DATA}\n\nid: 2\ndata: {DATA}\n\n")
    (without_id,) = parse_stream(f"data: {DATA}\n\n")

    assert resume_id() is None
    assert resume_id(first) == "1"
    assert resume_id(first, second) == "2"
    assert resume_id(first, second, without_id) == "2"


def test_id_counts_once_its_event_is_whole() -> None:
    events = parse_stream(f"id: 7\ndata: {DATA}\n\nid: 8\ndata: half\n")

    assert resume_id(*events) == "7"


def test_data_of_another_kind_is_an_error() -> None:
    (event,) = parse_stream("data: {}\n\n")

    with pytest.raises(InvalidResponse, match="not a job event"):
        EventStream("job-1").parse(event)


def test_stream_ends_with_a_final_status() -> None:
    stream = EventStream("job-1")
    for status, ended in (("running", False), ("succeeded", True)):
        document = {"event": "status", "at": MOMENT.isoformat(), "data": {"status": status}}
        stream.parse(ServerSentEvent(event="status", data=json.dumps(document)))
        assert stream.ended is ended
