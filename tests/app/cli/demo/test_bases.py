from collections.abc import Iterator
from typing import Any

import pytest

from app.cli.demo.bases import LARGE_ENCODER_LR, ensure_base
from app.cli.demo.scenarios import DemoTask, demo_tasks
from app.cli.rendering.console import messages
from app.client.errors import JobFailed, RequestRefused
from app.client.sync_client import Client
from app.schemas.training import PRETRAIN_REQUESTS
from core.contracts.jobs import JobKind, JobStatus, Problem
from tests.app.fake_service import MOMENT, FakeService, Reply, fake_service, job, report, status_event, stream
from tests.repository import SAMPLES

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


def served(base: Any) -> dict[str, Any]:
    return {"tasks": [{"task": task, "base": base, "languages": []} for task in ("mtod", "qa")]}


def pretraining(status: JobStatus, **more: Any) -> dict[str, Any]:
    return job(status, kind=JobKind.PRETRAIN, **more)


def listed(*jobs: dict[str, Any]) -> dict[str, Any]:
    return {"jobs": list(jobs), "next_cursor": None}


MADE = pretraining(JobStatus.SUCCEEDED, checkpoint_id="base-1", report=report())


@pytest.fixture
def service() -> Iterator[FakeService]:
    """A new service, whose jobs succeed."""
    with fake_service() as running:
        running.answer("GET /languages", served(None))
        running.answer("GET /jobs", listed())
        running.answer("POST /datasets", DATASET)
        running.answer("POST /pretrain", Reply({"job_id": "job-1", "status": "queued"}, 202))
        running.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.SUCCEEDED)))
        running.answer("GET /jobs/job-1", MADE)
        yield running


def ensure(service: FakeService, *, task: DemoTask = MTOD, encoder: str = "embedded") -> None:
    with Client(service.url, pause=0.0) as client:
        ensure_base(client, task, encoder=encoder, console=messages(), pause=0.0)


def asked(service: FakeService, path: str) -> list[Any]:
    return [one for one in service.asked if (one.method, one.path) == ("POST", path)]


def test_a_new_service_gets_a_base_and_is_told_about(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure(service)
    told = capsys.readouterr().err
    assert "there is no base for intents and slots" in told
    assert "job job-1" in told
    assert "base base-1 was made in 0:41 minutes" in told
    assert "xmetra pretrain --task mtod en FILE" in told


@pytest.mark.parametrize("task", [MTOD, QA], ids=lambda task: task.task)
@pytest.mark.parametrize("encoder", ["embedded", "FacebookAI/xlm-roberta-base"])
def test_what_it_asks_for_can_be_queued(service: FakeService, task: DemoTask, encoder: str) -> None:
    ensure(service, task=task, encoder=encoder)
    body = asked(service, "/pretrain")[0].json
    request = PRETRAIN_REQUESTS[task.task].model_validate(body)
    assert (request.encoder, request.dataset, request.source_language) == (encoder, "source", "en")
    assert request.evaluation is not None
    rate = task.settings.encoder_lr if encoder == "embedded" else LARGE_ENCODER_LR
    assert request.settings == task.settings.model_copy(update={"encoder_lr": rate})


def test_where_there_is_a_base_nothing_is_made(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    service.answer("GET /languages", served(BASE))
    ensure(service)
    assert [one.method for one in service.asked] == ["GET"]
    assert "base-0: nothing to do" in capsys.readouterr().err


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING])
def test_a_base_that_is_being_made_is_followed(service: FakeService, status: JobStatus) -> None:
    service.answer("GET /jobs", listed(pretraining(status)))
    ensure(service)
    assert asked(service, "/pretrain") == []
    assert any(one.path == "/jobs/job-1/events" for one in service.asked)


def test_two_who_start_at_once_ask_for_the_same_job(service: FakeService) -> None:
    ensure(service)
    ensure(service)  # the list of this service never shows the job of the first
    keys = [one.headers["idempotency-key"] for one in asked(service, "/pretrain")]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_after_a_failure_it_is_another_job(service: FakeService) -> None:
    ensure(service)
    service.answer("GET /jobs", listed(pretraining(JobStatus.FAILED)))
    ensure(service)
    keys = [one.headers["idempotency-key"] for one in asked(service, "/pretrain")]
    assert len(set(keys)) == 2


def test_a_service_that_comes_up_late_is_waited_for(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    away = Reply({"title": "Unavailable", "detail": "Redis does not answer"}, 503)
    service.answer("GET /languages", away, away, served(None))
    accepted = service.replies["POST /pretrain"]
    service.answer("POST /pretrain", away, *accepted)
    ensure(service)
    told = capsys.readouterr().err
    assert told.count("waiting for the service: Redis does not answer") == 1
    assert "base base-1 was made" in told


def test_a_job_that_fails_is_a_failure(service: FakeService) -> None:
    problem = Problem(title="Diverged", detail="the loss is no number")
    service.answer("GET /jobs/job-1", pretraining(JobStatus.FAILED, error=problem))
    with pytest.raises(JobFailed, match="the loss is no number"):
        ensure(service)


def test_a_job_that_somebody_cancels_is_none(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    service.answer("GET /jobs/job-1", pretraining(JobStatus.CANCELLED))
    ensure(service)
    assert "somebody cancelled it" in capsys.readouterr().err


def test_a_service_that_wants_a_key_is_not_waited_for(service: FakeService) -> None:
    service.answer("GET /languages", Reply({"title": "Unauthenticated", "detail": "show a key"}, 401))
    with pytest.raises(RequestRefused, match="show a key"):
        ensure(service)
