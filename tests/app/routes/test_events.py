import threading
import time
from dataclasses import dataclass

import httpx
import pytest
from httpx_sse import EventSource

from core.contracts.jobs import JobEvent, JobStatus, Progress
from core.contracts.values import now
from core.jobqueue.queue import JobQueue
from tests.app.routes.test_jobs import end, start, waiting_record
from tests.app.service import Service, faults, problem


@dataclass(frozen=True)
class ServerEvent:
    """A server-sent event."""

    event: str
    data: str
    last_id: str


def follow(service: Service, job_id: str, last_id: str | None = None) -> list[ServerEvent]:
    """Return all events of a stream."""
    headers = {"last-event-id": last_id} if last_id else {}
    response = service.http.get(f"/jobs/{job_id}/events", headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    source = EventSource(httpx.Response(200, headers=dict(response.headers), content=response.content))
    return [ServerEvent(event.event, event.data, event.id) for event in source.iter_sse() if event.data]


def content(event: ServerEvent) -> object:
    """Return the status or the percentage of an event."""
    data = JobEvent.model_validate_json(event.data)
    assert data.event == event.event
    return data.data["status"] if event.event == "status" else data.data["percent"]


def status_event(status: JobStatus) -> JobEvent:
    return JobEvent(event="status", at=now(), data={"status": status.value})


@pytest.fixture
def done(service: Service) -> str:
    """Return the id of a job that has succeeded."""
    job_id: str = service.adapt()["job_id"]
    start(service, job_id)
    service.queue.report_status(job_id, JobStatus.RUNNING)
    for percent in (10, 60):
        service.queue.report(job_id, Progress(percent=percent, stage="meta-train"))
    end(service, job_id, JobStatus.SUCCEEDED)
    service.queue.report_status(job_id, JobStatus.SUCCEEDED)
    return job_id


def test_events_run_from_the_first_to_the_final_status(service: Service, done: str) -> None:
    events = follow(service, done)

    assert [content(event) for event in events] == ["queued", "running", 10, 60, "succeeded"]


def test_events_resume_after_the_last_event_id(service: Service, done: str) -> None:
    events = follow(service, done)

    rest = follow(service, done, events[2].last_id)

    assert rest == events[3:]


def test_events_repeat_the_final_status_after_the_last_event(service: Service, done: str) -> None:
    events = follow(service, done)

    assert [content(event) for event in follow(service, done, events[-1].last_id)] == ["succeeded"]


def test_events_are_sent_while_the_job_runs(service: Service) -> None:
    job_id = service.adapt()["job_id"]

    def work() -> None:
        time.sleep(0.4)
        service.queue.report(job_id, Progress(percent=50, stage="fine-tune"))
        time.sleep(0.4)
        end(service, job_id, JobStatus.FAILED)
        service.queue.report_status(job_id, JobStatus.FAILED)

    worker = threading.Thread(target=work)
    worker.start()
    events = follow(service, job_id)
    worker.join()

    assert [content(event) for event in events] == ["queued", 50, "failed"]


def test_events_end_when_a_waiting_job_is_cancelled(service: Service) -> None:
    job_id = service.adapt()["job_id"]
    service.http.post(f"/jobs/{job_id}/cancel")

    assert [content(event) for event in follow(service, job_id)] == ["queued", "cancelled"]


def test_events_come_from_the_store_when_redis_has_none(service: Service, done: str) -> None:
    history = [status_event(JobStatus.RUNNING), JobEvent(event="progress", at=now(), data={"percent": 60})]
    service.store.jobs.append_events(done, [*history, status_event(JobStatus.SUCCEEDED)])
    service.queue._redis.flushall()

    events = follow(service, done)

    assert [content(event) for event in events] == ["running", 60, "succeeded"]
    assert follow(service, done, events[0].last_id) == events[1:]


def test_events_have_the_final_status_of_a_job_without_history(service: Service, done: str) -> None:
    service.queue._redis.flushall()

    assert [content(event) for event in follow(service, done)] == ["succeeded"]


def test_events_end_by_the_record_when_the_worker_was_killed(service: Service) -> None:
    job_id = service.adapt()["job_id"]
    end(service, job_id, JobStatus.FAILED)

    assert [content(event) for event in follow(service, job_id)] == ["queued", "failed"]


def test_events_of_an_open_job_are_unavailable_without_redis(without_redis: Service) -> None:
    waiting_record(without_redis)

    response = without_redis.http.get("/jobs/waiting/events")

    problem(response, 503)
    assert int(response.headers["retry-after"]) > 0


def test_events_of_an_ended_job_come_from_the_store_without_redis(without_redis: Service) -> None:
    waiting_record(without_redis)
    end(without_redis, "waiting", JobStatus.SUCCEEDED)

    assert [content(event) for event in follow(without_redis, "waiting")] == ["succeeded"]


def test_events_end_when_redis_fails(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    job_id = service.adapt()["job_id"]
    down = JobQueue.connect(f"unix://{tmp_path_factory.mktemp('none')}/nobody.sock")
    calls = iter(range(100))
    real = service.queue.events

    def events(job: str, *, after: str = "0") -> list[tuple[str, JobEvent]]:
        return real(job, after=after) if next(calls) == 0 else down.events(job, after=after)

    monkeypatch.setattr(service.queue, "events", events)

    assert [content(event) for event in follow(service, job_id)] == ["queued"]


@pytest.mark.parametrize("last_id", ["x", "-", "1-", "1-x", "9" * 30, "0x1", "1 1"])
def test_events_refuse_an_invalid_last_event_id(service: Service, done: str, last_id: str) -> None:
    response = service.http.get(f"/jobs/{done}/events", headers={"last-event-id": last_id})

    assert "header/last-event-id" in faults(problem(response, 422))


def test_events_of_an_unknown_job_are_not_found(service: Service) -> None:
    problem(service.http.get("/jobs/nobody/events"), 404)
