import pytest

from core.contracts.jobs import JobStatus
from tests.app.fake_service import (
    ACCEPTED,
    EXAMPLE,
    FakeService,
    Reply,
    job,
    progress_event,
    status_event,
    stream,
    succeeded,
)
from xmetra_client import Client, InvalidResponse, JobFailed, ServiceUnavailable
from xmetra_client.events import RECONNECTIONS
from xmetra_client.models import JobEvent

UNAVAILABLE = Reply({"title": "Unavailable", "detail": "Redis restarts"}, 503)


def test_wait_passes_events_on_and_returns_the_report(service: FakeService, client: Client) -> None:
    service.answer("POST /adapt", Reply(ACCEPTED, 202))
    service.answer("GET /jobs/job-1", succeeded())
    service.answer(
        "GET /jobs/job-1/events",
        stream(progress_event(1, percent=50, stage="meta-train"), status_event(2, JobStatus.SUCCEEDED)),
    )
    events: list[JobEvent] = []

    state = client.adapt("es", [EXAMPLE]).wait(events.append)

    assert state.checkpoint_id == "es-1"
    assert state.report is not None and state.report.decision.promoted
    assert [event.event for event in events] == ["progress", "status"]
    assert events[0].data["stage"] == "meta-train"


def test_wait_raises_for_a_job_without_a_result(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.CANCELLED))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.CANCELLED)))

    with pytest.raises(JobFailed, match="job job-1 was cancelled") as caught:
        client.job("job-1").wait()
    assert caught.value.job is not None and caught.value.job.status == "cancelled"


def test_handle_returns_the_state_and_cancels(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.RUNNING))
    service.answer("POST /jobs/job-1/cancel", Reply(job(JobStatus.CANCELLING), 202))
    handle = client.job("job-1")

    assert handle.state().status == "running"
    assert handle.cancel().status == client.cancel("job-1").status == "cancelling"
    assert (handle.job_id, handle.accepted) == ("job-1", None)


def test_events_end_with_the_job(service: FakeService, client: Client) -> None:
    service.answer(
        "GET /jobs/job-1/events",
        stream(
            status_event(1, JobStatus.RUNNING),
            progress_event(2, percent=50, stage="meta-train", step=3, total_steps=6),
            status_event(3, JobStatus.SUCCEEDED),
            progress_event(4, percent=100),
        ),
    )

    assert [event.event for event in client.events("job-1")] == ["status", "progress", "status"]


def test_broken_stream_resumes_after_its_last_event(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.RUNNING))
    service.answer(
        "GET /jobs/job-1/events",
        stream(status_event(1, JobStatus.RUNNING)),
        UNAVAILABLE,
        stream(status_event(2, JobStatus.FAILED)),
    )

    events = list(client.job("job-1").events())

    assert [event.data["status"] for event in events] == ["running", "failed"]
    streams = [request for request in service.requests if request.path.endswith("/events")]
    assert [request.headers.get("last-event-id") for request in streams] == [None, "1-0", "1-0"]


def test_stream_without_events_ends_once_the_job_has_ended(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs/job-1", succeeded())
    service.answer("GET /jobs/job-1/events", stream())

    assert list(client.events("job-1")) == []


def test_stream_gives_up_after_many_failures(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs/job-1/events", UNAVAILABLE)

    with pytest.raises(ServiceUnavailable, match="Redis restarts"):
        list(client.events("job-1"))
    assert len(service.requests) == RECONNECTIONS + 1


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply("data: {}\n\n", media_type="text/event-stream"), "not a job event"),
        (Reply("<p>hello</p>", media_type="text/html"), "answered text/html, not an event stream"),
    ],
)
def test_stream_of_another_program_is_an_error(
    service: FakeService, client: Client, reply: Reply, message: str
) -> None:
    service.answer("GET /jobs/job-1/events", reply)

    with pytest.raises(InvalidResponse, match=message):
        list(client.events("job-1"))
