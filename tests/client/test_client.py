from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.contracts.jobs import JobStatus
from tests.app.fake_service import FakeService, Reply, job, predictions, status_event, stream
from xmetra_client import Client, ClientError, InvalidArgument, InvalidResponse, Predictions
from xmetra_client.models import MtodPredictions, QaPredictions

USAGE = {"tokens": 5, "queue_ms": 1.0, "inference_ms": 20.0}


def test_predict_mtod_returns_slots_with_their_offsets(service: FakeService, client: Client) -> None:
    service.answer("POST /predict/mtod", predictions("despiértame mañana"))

    response = client.predict_mtod(["despiértame mañana"], language="es", checkpoint="es-1")

    (slot,) = response.predictions[0].slots
    assert response.predictions[0].text[slot.start : slot.end] == slot.value == "mañana"
    assert service.requests[0].json == {
        "utterances": ["despiértame mañana"],
        "language": "es",
        "checkpoint": "es-1",
        "top_k": 3,
    }


def test_predict_sends_the_inputs_of_the_task(service: FakeService, client: Client) -> None:
    service.answer("POST /predict/mtod", predictions("hola"))
    service.answer("POST /predict/qa", {"predictions": [], "checkpoints": {}, "usage": USAGE})
    question = {"question": "q", "context": "c"}

    assert isinstance(client.predict("mtod", ["hola"], language="es"), MtodPredictions)
    assert isinstance(client.predict("qa", [question], top_k=1), QaPredictions)
    assert [request.json for request in service.requests] == [
        {"utterances": ["hola"], "language": "es"},
        {"questions": [question], "top_k": 1},
    ]


def test_predict_returns_documents_for_a_task_without_a_model(service: FakeService, client: Client) -> None:
    body = {"predictions": [{"entities": ["Madrid"]}], "checkpoints": {"es": "ner-1"}, "usage": USAGE}
    service.answer("POST /predict/ner", body)

    response = client.predict("ner", ["vivo en Madrid"], language="es")

    assert isinstance(response, Predictions)
    assert response.predictions == [{"entities": ["Madrid"]}]
    assert service.requests[0].json == {"inputs": ["vivo en Madrid"], "language": "es"}


@pytest.mark.parametrize("inputs", ["hola", b"hola", {"text": "hola"}, 7])
def test_predict_refuses_a_single_input(service: FakeService, client: Client, inputs: Any) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: client.predict_mtod(inputs, language="es"),
        lambda: client.predict_qa(inputs, language="es"),
        lambda: client.predict("mtod", inputs, language="es"),
    )
    for predict in calls:
        with pytest.raises(InvalidArgument, match="must be a list, not"):
            predict()
    assert service.requests == []


def test_jobs_sends_the_filters_that_are_set(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs", {"jobs": [job(JobStatus.RUNNING)], "next_cursor": None})

    page = client.jobs(status="running", language=None, limit=5)

    assert page.jobs[0].status == "running"
    assert service.requests[0].path == "/jobs?status=running&limit=5"


def test_response_with_unknown_fields_and_values_is_parsed(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs/job-1", {**job(JobStatus.QUEUED), "colour": "blue", "status": "paused"})

    assert client.job("job-1").state().status == "paused"


def test_response_of_another_program_is_an_error(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs/job-1", {"hello": "world"})

    with pytest.raises(InvalidResponse, match="is it an xmetra service of this version"):
        client.job("job-1").state()


def test_ready_returns_the_state_of_each_part(service: FakeService, client: Client) -> None:
    part = {"status": "ok", "detail": None}
    service.answer("GET /health/ready", {"status": "ready", "redis": part, "store": part, "model": part})

    assert client.ready().redis.status == "ok"


def test_languages_are_listed_by_task(service: FakeService, client: Client) -> None:
    service.answer("GET /languages", {"tasks": [{"task": "ner", "base": None, "languages": []}]})

    assert [task.task for task in client.languages().tasks] == ["ner"]


@pytest.mark.parametrize("job_id", ["", "../languages", "a/b", "a b", "é"])
def test_invalid_id_is_not_sent(service: FakeService, client: Client, job_id: str) -> None:
    with pytest.raises(InvalidArgument, match="is not the id of a job"):
        client.job(job_id)
    with pytest.raises(InvalidArgument, match="is not the id of a job"):
        client.cancel(job_id)
    assert service.requests == []


def test_key_is_sent_with_every_request(service: FakeService, examples: Path) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.QUEUED))
    service.answer("POST /datasets", Reply({}, 500))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.FAILED)))
    with Client(service.url, key="xm_1_secret\n") as client:
        client.job("job-1").state()
        list(client.events("job-1"))
        with pytest.raises(ClientError):
            client.store_dataset("es", examples)

    assert {request.headers["authorization"] for request in service.requests} == {"Bearer xm_1_secret"}
    assert len(service.requests) == 3


def test_no_key_is_sent_without_one(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.QUEUED))

    client.job("job-1").state()

    assert "authorization" not in service.requests[0].headers


def test_methods_have_the_signature_and_docstring_of_the_operation() -> None:
    with Client() as client:
        assert client.roll_back.__name__ == "roll_back"
        assert str(client.roll_back.__doc__).startswith("Deploy the checkpoint that was live before")
    assert str(Client.adapt.__doc__).startswith("Adapt a base to a language")
