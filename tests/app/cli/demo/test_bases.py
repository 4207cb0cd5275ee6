from collections.abc import Iterator
from typing import Any

import pytest

from app.cli.demo.bases import LARGE_ENCODER_LR, ensure_base
from app.cli.demo.scenarios import DemoTask, demo_tasks
from app.cli.rendering.console import messages
from app.schemas.task_requests import pretrain_requests
from core.contracts.jobs import JobKind, JobStatus, Problem
from tests.app.fake_service import MOMENT, FakeService, Reply, fake_service, job, report, status_event, stream
from tests.repository import SAMPLES
from xmetra_client import Client, JobFailed, Unauthenticated

MTOD, QA = demo_tasks(SAMPLES)
DATASET = {
    "dataset_id": "source",
    "task": "mtod",
    "language": "en",
    "examples": 1,
    "intents": {},
    "slots": {},
}
BASE = {
    "checkpoint_id": "base-0",
    "source_language": "en",
    "scores": None,
    "since": MOMENT.isoformat(),
    "number": 1,
}


def languages(base: Any) -> dict[str, Any]:
    """Return a response of ``GET /languages`` with this base for each task."""
    return {"tasks": [{"task": task, "base": base, "languages": []} for task in ("mtod", "qa")]}


def pretraining(status: JobStatus, **fields: Any) -> dict[str, Any]:
    return job(status, kind=JobKind.PRETRAIN, **fields)


def job_list(*jobs: dict[str, Any]) -> dict[str, Any]:
    """Return a response of ``GET /jobs``."""
    return {"jobs": list(jobs), "next_cursor": None}


SUCCEEDED = pretraining(JobStatus.SUCCEEDED, checkpoint_id="base-1", report=report())


@pytest.fixture
def service() -> Iterator[FakeService]:
    """Yield a service without a base, whose jobs succeed."""
    with fake_service() as running:
        running.answer("GET /languages", languages(None))
        running.answer("GET /jobs", job_list())
        running.answer("POST /datasets", DATASET)
        running.answer("POST /pretrain", Reply({"job_id": "job-1", "status": "queued"}, 202))
        running.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.SUCCEEDED)))
        running.answer("GET /jobs/job-1", SUCCEEDED)
        yield running


def ensure(service: FakeService, *, task: DemoTask = MTOD, encoder: str = "embedded") -> None:
    with Client(service.url, pause=0.0) as client:
        ensure_base(client, task, encoder=encoder, console=messages(), pause=0.0)


def posted(service: FakeService, path: str) -> list[Any]:
    """Return the POST requests to a path."""
    return [request for request in service.requests if (request.method, request.path) == ("POST", path)]


def test_ensure_base_trains_a_base_and_prints_the_outcome(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure(service)
    output = capsys.readouterr().err
    assert "there is no base for intents and slots" in output
    assert "job job-1" in output
    assert "base base-1 was made in 0:41 minutes" in output
    assert "xmetra pretrain --task mtod en FILE" in output


@pytest.mark.parametrize("task", [MTOD, QA], ids=lambda task: task.task)
@pytest.mark.parametrize("encoder", ["embedded", "FacebookAI/xlm-roberta-base"])
def test_ensure_base_sends_a_valid_request(service: FakeService, task: DemoTask, encoder: str) -> None:
    ensure(service, task=task, encoder=encoder)
    body = posted(service, "/pretrain")[0].json
    request = pretrain_requests()[task.task].model_validate(body)
    assert (request.encoder, request.dataset, request.source_language) == (encoder, "source", "en")
    assert request.evaluation is not None
    rate = task.settings.encoder_lr if encoder == "embedded" else LARGE_ENCODER_LR
    assert request.settings == task.settings.model_copy(update={"encoder_lr": rate})


def test_ensure_base_trains_nothing_when_a_base_is_deployed(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    service.answer("GET /languages", languages(BASE))
    ensure(service)
    assert [request.method for request in service.requests] == ["GET"]
    assert "base-0: nothing to do" in capsys.readouterr().err


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING])
def test_ensure_base_follows_a_job_in_progress(service: FakeService, status: JobStatus) -> None:
    service.answer("GET /jobs", job_list(pretraining(status)))
    ensure(service)
    assert posted(service, "/pretrain") == []
    assert any(request.path == "/jobs/job-1/events" for request in service.requests)


def test_ensure_base_uses_the_same_idempotency_key_when_run_concurrently(service: FakeService) -> None:
    ensure(service)
    ensure(service)  # the fake service never lists the job of the first call, as in a race
    keys = [request.headers["idempotency-key"] for request in posted(service, "/pretrain")]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_ensure_base_uses_another_idempotency_key_after_a_failure(service: FakeService) -> None:
    ensure(service)
    service.answer("GET /jobs", job_list(pretraining(JobStatus.FAILED)))
    ensure(service)
    keys = [request.headers["idempotency-key"] for request in posted(service, "/pretrain")]
    assert len(set(keys)) == 2


def test_ensure_base_retries_until_the_service_responds(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    unavailable = Reply({"title": "Unavailable", "detail": "Redis does not answer"}, 503)
    service.answer("GET /languages", unavailable, unavailable, languages(None))
    accepted = service.replies["POST /pretrain"]
    service.answer("POST /pretrain", unavailable, *accepted)
    ensure(service)
    output = capsys.readouterr().err
    assert output.count("waiting for the service: Redis does not answer") == 1
    assert "base base-1 was made" in output


def test_ensure_base_raises_when_the_job_fails(service: FakeService) -> None:
    problem = Problem(title="Diverged", detail="the loss is no number")
    service.answer("GET /jobs/job-1", pretraining(JobStatus.FAILED, error=problem))
    with pytest.raises(JobFailed, match="the loss is no number"):
        ensure(service)


def test_ensure_base_returns_when_the_job_is_cancelled(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    service.answer("GET /jobs/job-1", pretraining(JobStatus.CANCELLED))
    ensure(service)
    assert "the job was cancelled" in capsys.readouterr().err


def test_ensure_base_raises_when_the_service_requires_a_key(service: FakeService) -> None:
    service.answer("GET /languages", Reply({"title": "Unauthenticated", "detail": "show a key"}, 401))
    with pytest.raises(Unauthenticated, match="show a key"):
        ensure(service)
