import threading
import time

import pytest

from app.client.sse import EventReader, ServerEvent
from core.contracts.jobs import JobEvent, JobStatus, Progress
from core.contracts.values import now
from core.jobqueue.queue import JobQueue
from tests.app.routes.test_jobs import end, start, waiting_record
from tests.app.service import Service, faults, problem


def follow(service: Service, job_id: str, last_id: str | None = None) -> list[ServerEvent]:
    """Read a whole stream."""
    headers = {"last-event-id": last_id} if last_id else {}
    response = service.http.get(f"/jobs/{job_id}/events", headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    reader = EventReader()
    lines = response.text.splitlines()
    return [event for line in lines if (event := reader.take(line)) is not None]


def told(event: ServerEvent) -> object:
    """Return what an event says, in short."""
    data = JobEvent.model_validate_json(event.data)
    assert data.event == event.event
    return data.data["status"] if event.event == "status" else data.data["percent"]


def status_event(status: JobStatus) -> JobEvent:
    return JobEvent(event="status", at=now(), data={"status": status.value})


@pytest.fixture
def done(service: Service) -> str:
    """A job that ran to its end."""
    job_id: str = service.adapt()["job_id"]
    start(service, job_id)
    service.queue.report_status(job_id, JobStatus.RUNNING)
    for percent in (10, 60):
        service.queue.report(job_id, Progress(percent=percent, stage="meta-train"))
    end(service, job_id, JobStatus.SUCCEEDED)
    service.queue.report_status(job_id, JobStatus.SUCCEEDED)
    return job_id


def test_a_job_is_told_from_its_beginning_to_its_final_status(service: Service, done: str) -> None:
    events = follow(service, done)

    assert [told(event) for event in events] == ["queued", "running", 10, 60, "succeeded"]


def test_a_client_goes_on_behind_the_last_event_it_has(service: Service, done: str) -> None:
    events = follow(service, done)

    rest = follow(service, done, events[2].last_id)

    assert rest == events[3:]


def test_who_has_the_end_already_is_told_it_once_more(service: Service, done: str) -> None:
    events = follow(service, done)

    assert [told(event) for event in follow(service, done, events[-1].last_id)] == ["succeeded"]


def test_events_come_while_the_job_runs(service: Service) -> None:
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

    assert [told(event) for event in events] == ["queued", 50, "failed"]


def test_a_waiting_job_that_is_cancelled_ends_the_stream(service: Service) -> None:
    job_id = service.adapt()["job_id"]
    service.http.post(f"/jobs/{job_id}/cancel")

    assert [told(event) for event in follow(service, job_id)] == ["queued", "cancelled"]


def test_the_store_answers_what_redis_has_forgotten(service: Service, done: str) -> None:
    history = [status_event(JobStatus.RUNNING), JobEvent(event="progress", at=now(), data={"percent": 60})]
    service.store.jobs.append_events(done, [*history, status_event(JobStatus.SUCCEEDED)])
    service.queue._redis.flushall()

    events = follow(service, done)

    assert [told(event) for event in events] == ["running", 60, "succeeded"]
    assert follow(service, done, events[0].last_id) == events[1:]


def test_a_job_without_any_history_still_tells_its_end(service: Service, done: str) -> None:
    service.queue._redis.flushall()

    assert [told(event) for event in follow(service, done)] == ["succeeded"]


def test_a_job_whose_worker_died_without_a_word_ends_by_its_record(service: Service) -> None:
    job_id = service.adapt()["job_id"]
    end(service, job_id, JobStatus.FAILED)

    assert [told(event) for event in follow(service, job_id)] == ["queued", "failed"]


def test_without_redis_a_job_under_way_cannot_be_followed(without_redis: Service) -> None:
    waiting_record(without_redis)

    response = without_redis.http.get("/jobs/waiting/events")

    problem(response, 503)
    assert int(response.headers["retry-after"]) > 0


def test_without_redis_a_job_that_has_ended_is_told_by_the_store(without_redis: Service) -> None:
    waiting_record(without_redis)
    end(without_redis, "waiting", JobStatus.SUCCEEDED)

    assert [told(event) for event in follow(without_redis, "waiting")] == ["succeeded"]


def test_redis_going_away_ends_the_stream_and_the_client_comes_back(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    job_id = service.adapt()["job_id"]
    down = JobQueue.connect(f"unix://{tmp_path_factory.mktemp('none')}/nobody.sock")
    asked = iter(range(100))
    real = service.queue.events

    def events(job: str, *, after: str = "0") -> list[tuple[str, JobEvent]]:
        return real(job, after=after) if next(asked) == 0 else down.events(job, after=after)

    monkeypatch.setattr(service.queue, "events", events)

    assert [told(event) for event in follow(service, job_id)] == ["queued"]


@pytest.mark.parametrize("last_id", ["x", "-", "1-", "1-x", "9" * 30, "0x1", "1 1"])
def test_an_id_that_is_no_events(service: Service, done: str, last_id: str) -> None:
    response = service.http.get(f"/jobs/{done}/events", headers={"last-event-id": last_id})

    assert "header/last-event-id" in faults(problem(response, 422))


def test_an_unknown_job_is_not_found(service: Service) -> None:
    problem(service.http.get("/jobs/nobody/events"), 404)
