import io
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from app.client.errors import ClientError, JobFailed, RequestRefused, ServiceUnreachable
from app.client.requests import HeldOut
from app.client.sync_client import Client
from core.contracts.examples import DatasetManifest
from core.contracts.hyperparameters import PretrainSettings
from core.contracts.jobs import JobStatus
from core.contracts.values import TaskName
from tests.app.fake_service import (
    ACCEPTED,
    EXAMPLE,
    FakeService,
    Reply,
    fake_service,
    job,
    predictions,
    progress_event,
    status_event,
    stream,
    succeeded,
)

STORED = DatasetManifest(dataset_id="few", task=TaskName.MTOD, language="es", examples=1)


@pytest.fixture
def service() -> Iterator[FakeService]:
    with fake_service() as running:
        yield running


@pytest.fixture
def client(service: FakeService) -> Iterator[Client]:
    with Client(service.url, pause=0.0) as connected:
        yield connected


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    file = tmp_path / "es.jsonl"
    file.write_text('{"text": "hola", "intent": "greet"}\n')
    return file


def test_files_are_uploaded_and_what_is_no_string_travels_as_json(
    service: FakeService, client: Client, examples: Path
) -> None:
    service.answer("POST /adapt", Reply(ACCEPTED, 202))
    job = client.adapt("es", examples, hyperparameters={"seed": 7}, extend_labels=False, base=None)
    assert (job.job_id, job.accepted.queue_position) == ("job-1", 1)
    asked = service.asked[0]
    assert asked.headers["content-type"].startswith("multipart/form-data")
    assert asked.has_file("examples", "es.jsonl", examples.read_bytes())
    assert asked.has_field("language", "es")
    assert asked.has_field("hyperparameters", '{"seed": 7}')
    assert asked.has_field("extend_labels", "false")
    assert b'name="base"' not in asked.body


@pytest.mark.parametrize(
    ("evaluation", "told"),
    [
        (0.25, {"fraction": 0.25}),
        ([EXAMPLE], {"examples": [EXAMPLE]}),
        (STORED, {"dataset": "few"}),
    ],
)
def test_what_is_no_file_travels_as_a_document(
    service: FakeService, client: Client, evaluation: HeldOut, told: Any
) -> None:
    service.answer("POST /adapt", Reply(ACCEPTED, 202))
    client.adapt("es", [EXAMPLE], evaluation=evaluation, method="ft", base=None, idempotency_key="mine")

    assert service.asked[0].json == {
        "task": "mtod",
        "language": "es",
        "method": "ft",
        "examples": [EXAMPLE],
        "evaluation": told,
    }
    assert service.asked[0].headers["idempotency-key"] == "mine"


def test_examples_that_are_stored_are_named(service: FakeService, client: Client) -> None:
    service.answer("POST /pretrain", Reply(ACCEPTED, 202))
    client.pretrain("en", STORED, settings=PretrainSettings(epochs=1))

    asked = service.asked[0].json
    assert asked["dataset"] == "few" and "examples" not in asked
    assert asked["settings"]["epochs"] == 1


def test_a_file_and_a_share_of_it_travel_in_one_form(
    service: FakeService, client: Client, examples: Path
) -> None:
    service.answer("POST /adapt", Reply(ACCEPTED, 202))
    client.adapt("es", str(examples), evaluation=0.5)

    assert service.asked[0].has_file("examples", "es.jsonl", examples.read_bytes())
    assert service.asked[0].has_field("evaluation", '{"fraction": 0.5}')


def test_a_job_is_waited_for_and_its_progress_shown(service: FakeService, client: Client) -> None:
    service.answer("POST /adapt", Reply(ACCEPTED, 202))
    service.answer("GET /jobs/job-1", succeeded())
    service.answer(
        "GET /jobs/job-1/events",
        stream(progress_event(1, percent=50, stage="meta-train"), status_event(2, JobStatus.SUCCEEDED)),
    )
    written = io.StringIO()
    learnt = client.adapt("es", [EXAMPLE]).wait(progress=True, console=Console(file=written))

    assert learnt.checkpoint_id == "es-1"
    assert "50 %  meta-train" in written.getvalue()


def test_a_job_without_a_result_is_an_error_of_its_own(service: FakeService, client: Client) -> None:
    service.answer("POST /adapt", Reply(ACCEPTED, 202))
    service.answer("GET /jobs/job-1", job(JobStatus.CANCELLED))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.CANCELLED)))
    taken = client.adapt("es", [EXAMPLE])
    with pytest.raises(JobFailed, match="job job-1 was cancelled"):
        taken.wait()


def test_a_job_can_be_looked_at_and_stopped(service: FakeService, client: Client) -> None:
    service.answer("POST /adapt", Reply(ACCEPTED, 202))
    service.answer("GET /jobs/job-1", job(JobStatus.RUNNING))
    service.answer("POST /jobs/job-1/cancel", Reply(job(JobStatus.CANCELLING), 202))
    taken = client.adapt("es", [EXAMPLE])

    assert taken.state().status is JobStatus.RUNNING
    assert taken.cancel().status is JobStatus.CANCELLING


def test_a_plan_is_asked_for_with_dry_run(service: FakeService, client: Client, examples: Path) -> None:
    plan = {"method": "ft", "train": 8, "evaluation": 2, "stages": []}
    service.answer("POST /adapt", {"checks": {"warnings": ["few"]}, "plan": plan})
    answer = client.plan("es", examples)
    assert answer.plan.train == 8
    assert answer.checks.warnings == ("few",)
    assert service.asked[0].has_field("dry_run", "true")


def test_predictions_are_read_with_their_offsets(service: FakeService, client: Client) -> None:
    service.answer("POST /predict/mtod", predictions("despiértame mañana"))
    answer = client.predict_mtod(["despiértame mañana"], language="es", checkpoint="es-1")
    (slot,) = answer.predictions[0].slots
    assert answer.predictions[0].text[slot.start : slot.end] == slot.value == "mañana"
    assert service.asked[0].json == {
        "utterances": ["despiértame mañana"],
        "language": "es",
        "checkpoint": "es-1",
        "top_k": 3,
    }


def test_jobs_are_filtered_by_what_is_given(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs", {"jobs": [job(JobStatus.RUNNING)], "next_cursor": None})
    page = client.jobs(status="running", language=None, limit=5)
    assert page.jobs[0].status is JobStatus.RUNNING
    assert service.asked[0].path == "/jobs?status=running&limit=5"


def test_an_answer_that_says_more_than_is_known_is_read(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs/job-1", {**job(JobStatus.QUEUED), "colour": "blue"})
    assert client.job("job-1").status is JobStatus.QUEUED


def test_an_answer_that_is_no_job_is_told(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs/job-1", {"hello": "world"})
    with pytest.raises(ClientError, match="is it an xmetra service of this version"):
        client.job("job-1")


def test_every_fault_of_a_refused_request_is_told(service: FakeService, client: Client) -> None:
    faults = [{"pointer": "line 3", "detail": "no intent"}, {"pointer": "line 9", "detail": "no text"}]
    problem = {
        "type": "about:blank",
        "title": "Unusable",
        "status": 422,
        "detail": "2 faults",
        "errors": faults,
    }
    service.answer("POST /predict/mtod", Reply(problem, 422, "application/problem+json"))
    with pytest.raises(RequestRefused) as caught:
        client.predict_mtod(["x"], language="es")
    assert caught.value.status == 422
    assert str(caught.value).splitlines() == ["2 faults", "  line 3: no intent", "  line 9: no text"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_service_that_cannot_answer_now_is_unreachable(
    service: FakeService, client: Client, status: int
) -> None:
    service.answer("GET /health/ready", Reply({"title": "Busy", "detail": "the queue is full"}, status))
    with pytest.raises(ServiceUnreachable, match="the queue is full"):
        client.ready()


def test_an_error_page_of_something_else_is_told_by_its_status(service: FakeService, client: Client) -> None:
    service.answer("GET /health/ready", Reply("<h1>oh no</h1>", 500, "text/html"))
    with pytest.raises(RequestRefused, match="/health/ready answered 500"):
        client.ready()


def test_a_port_nobody_listens_on_is_told_in_one_line() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        Client(f"http://127.0.0.1:{port}") as client,
        pytest.raises(ServiceUnreachable, match=rf"no service answers at http://127.0.0.1:{port}"),
    ):
        client.ready()


@pytest.mark.parametrize("url", ["not a url", "ftp://127.0.0.1", "http://", "http://[::1", "http://a:99999"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(ServiceUnreachable), Client(url) as client:
        client.ready()


@pytest.mark.parametrize("job_id", ["", "../languages", "a/b", "a b", "é"])
def test_an_id_that_is_none_is_not_asked_for(service: FakeService, client: Client, job_id: str) -> None:
    with pytest.raises(ClientError, match="is not the id of a job"):
        client.job(job_id)
    assert service.asked == []


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


def test_a_stream_that_breaks_off_is_resumed_after_its_last_event(
    service: FakeService, client: Client
) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.RUNNING))
    service.answer(
        "GET /jobs/job-1/events",
        stream(status_event(1, JobStatus.RUNNING)),
        Reply({"title": "Unavailable", "detail": "Redis restarts"}, 503),
        stream(status_event(2, JobStatus.FAILED)),
    )
    events = list(client.events("job-1"))
    assert [event.data["status"] for event in events] == ["running", "failed"]
    streams = [asked for asked in service.asked if asked.path.endswith("/events")]
    assert [asked.headers.get("last-event-id") for asked in streams] == [None, "1-0", "1-0"]


def test_a_stream_that_ends_before_its_last_event_is_left_when_the_job_has_ended(
    service: FakeService, client: Client
) -> None:
    service.answer("GET /jobs/job-1", succeeded())
    service.answer("GET /jobs/job-1/events", stream())
    assert list(client.events("job-1")) == []


def test_a_service_that_went_away_for_good_is_told(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs/job-1/events", Reply({"title": "Unavailable", "detail": "Redis is down"}, 503))
    with pytest.raises(ServiceUnreachable, match="Redis is down"):
        list(client.events("job-1"))


def test_a_key_is_shown_with_every_request(service: FakeService, examples: Path) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.QUEUED))
    service.answer("POST /datasets", {}, Reply({}, 500))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.FAILED)))
    with Client(service.url, key="xm_1_secret\n") as client:
        client.job("job-1")
        list(client.events("job-1"))
        with pytest.raises(ClientError):
            client.store_dataset("es", examples)

    assert {asked.headers["authorization"] for asked in service.asked} == {"Bearer xm_1_secret"}
    assert len(service.asked) == 3


def test_without_a_key_none_is_shown(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.QUEUED))
    client.job("job-1")

    assert "authorization" not in service.asked[0].headers
