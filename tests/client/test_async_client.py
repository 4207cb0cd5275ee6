"""`AsyncClient` differs from `Client` in its transport alone: the operations are the same values."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from core.contracts.jobs import JobStatus
from tests.app.fake_service import (
    ACCEPTED,
    EXAMPLE,
    FakeService,
    Reply,
    job,
    predictions,
    progress_event,
    status_event,
    stream,
    succeeded,
)
from tests.client.test_registry import CHECKPOINT
from xmetra_client import (
    AsyncClient,
    AsyncJob,
    Client,
    ClientError,
    InvalidArgument,
    InvalidInput,
    Job,
    JobFailed,
    PreconditionFailed,
    ServiceUnavailable,
)
from xmetra_client.models import JobEvent

ResultT = TypeVar("ResultT")


def run(service: FakeService, use: Callable[[AsyncClient], Awaitable[ResultT]], **settings: Any) -> ResultT:
    """Run a coroutine function with a client of a service."""

    async def session() -> ResultT:
        async with AsyncClient(service.url, pause=0.0, **settings) as client:
            return await use(client)

    return asyncio.run(session())


def public_methods(kind: type) -> dict[str, list[str]]:
    """Return the methods of a class with their parameters."""
    return {
        name: list(inspect.signature(method).parameters)
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize(("sync", "asynchronous"), [(Client, AsyncClient), (Job, AsyncJob)])
def test_both_clients_have_the_same_methods(sync: type, asynchronous: type) -> None:
    assert public_methods(sync) == public_methods(asynchronous)
    assert len(public_methods(sync)) >= 4


def test_methods_are_coroutine_functions_with_the_operation_s_signature() -> None:
    client = AsyncClient()

    assert inspect.iscoroutinefunction(client.predict)
    assert list(inspect.signature(client.predict).parameters)[:2] == ["task", "inputs"]


def test_wait_passes_events_on_and_returns_the_report(service: FakeService) -> None:
    service.answer("POST /adapt", Reply(ACCEPTED, 202))
    service.answer("GET /jobs/job-1", succeeded())
    service.answer(
        "GET /jobs/job-1/events",
        stream(progress_event(1, percent=50, stage="meta-train"), status_event(2, JobStatus.SUCCEEDED)),
    )
    events: list[JobEvent] = []

    async def adapt(client: AsyncClient) -> str | None:
        handle = await client.adapt("es", [EXAMPLE], evaluation=0.5)
        return (await handle.wait(events.append)).checkpoint_id

    assert run(service, adapt) == "es-1"
    assert [event.event for event in events] == ["progress", "status"]
    assert service.requests[0].json["evaluation"] == {"fraction": 0.5}


def test_wait_raises_for_a_job_without_a_result(service: FakeService) -> None:
    service.answer("POST /pretrain", Reply(ACCEPTED, 202))
    service.answer("GET /jobs/job-1", job(JobStatus.CANCELLED))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.CANCELLED)))

    async def pretrain(client: AsyncClient) -> None:
        await (await client.pretrain("en", [EXAMPLE])).wait()

    with pytest.raises(JobFailed, match="was cancelled"):
        run(service, pretrain)


def test_handle_returns_the_state_and_cancels(service: FakeService) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.RUNNING))
    service.answer("POST /jobs/job-1/cancel", Reply(job(JobStatus.CANCELLING), 202))

    async def use(client: AsyncClient) -> list[str]:
        handle = client.job("job-1")
        return [(await handle.state()).status, (await handle.cancel()).status]

    assert run(service, use) == ["running", "cancelling"]


def test_requests_are_sent_concurrently(service: FakeService) -> None:
    service.answer("POST /predict/mtod", predictions("hola mundo"))

    async def predict(client: AsyncClient) -> list[str]:
        responses = await asyncio.gather(
            *(client.predict_mtod([f"hola {number}"], language="es") for number in range(8))
        )
        return [response.predictions[0].intent.name for response in responses]

    assert run(service, predict, key="xm_1_secret") == ["alarm/set_alarm"] * 8
    assert {request.json["utterances"][0] for request in service.requests} == {
        f"hola {number}" for number in range(8)
    }
    assert {request.headers["authorization"] for request in service.requests} == {"Bearer xm_1_secret"}


def test_broken_stream_resumes_after_its_last_event(service: FakeService) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.RUNNING))
    service.answer(
        "GET /jobs/job-1/events",
        stream(status_event(1, JobStatus.RUNNING)),
        Reply({"title": "Unavailable", "detail": "Redis restarts"}, 503),
        stream(status_event(2, JobStatus.FAILED)),
    )

    async def follow(client: AsyncClient) -> list[str]:
        return [event.data["status"] async for event in client.events("job-1")]

    assert run(service, follow) == ["running", "failed"]
    streams = [request for request in service.requests if request.path.endswith("/events")]
    assert [request.headers.get("last-event-id") for request in streams] == [None, "1-0", "1-0"]


def test_stream_gives_up_after_many_failures(service: FakeService) -> None:
    service.answer("GET /jobs/job-1/events", Reply({"title": "Unavailable", "detail": "Redis is down"}, 503))

    async def follow(client: AsyncClient) -> None:
        async for _ in client.events("job-1"):
            pass

    with pytest.raises(ServiceUnavailable, match="Redis is down"):
        run(service, follow)


def test_invalid_input_lists_every_fault(service: FakeService) -> None:
    problem = {"title": "Unusable", "detail": "1 fault", "errors": [{"pointer": "/top_k", "detail": "is 0"}]}
    service.answer("POST /predict/qa", Reply(problem, 422, "application/problem+json"))

    async def predict(client: AsyncClient) -> None:
        await client.predict_qa([{"question": "q", "context": "c"}], language="es", top_k=0)

    with pytest.raises(InvalidInput, match="/top_k: is 0"):
        run(service, predict)


def test_single_input_is_an_error(service: FakeService) -> None:
    async def predict(client: AsyncClient) -> None:
        await client.predict_mtod("hola", language="es")

    with pytest.raises(InvalidArgument, match="must be a list, not a single str"):
        run(service, predict)


def test_roll_back_sends_the_expected_deployment(service: FakeService) -> None:
    service.answer(
        "POST /languages/mtod/es/rollback", Reply({"title": "Changed", "detail": "2 is live"}, 412)
    )

    async def roll_back(client: AsyncClient) -> None:
        await client.roll_back("mtod", "es", expected=1)

    with pytest.raises(PreconditionFailed, match="2 is live"):
        run(service, roll_back)
    assert service.requests[0].headers["if-match"] == '"1"'


def test_archives_are_exported_and_imported(service: FakeService, tmp_path: Path) -> None:
    content = bytes(range(256)) * 9999  # more than one chunk
    service.answer("GET /checkpoints/es-2/archive", Reply(content, media_type="application/x-tar"))
    service.answer("POST /checkpoints", Reply(CHECKPOINT, 201))
    file = tmp_path / "es.tar"

    async def carry(client: AsyncClient) -> tuple[int, str]:
        size = await client.export_archive("es-2", file)
        return size, (await client.import_archive(file)).checkpoint_id

    assert run(service, carry) == (len(content), "es-2")
    assert file.read_bytes() == content == service.requests[1].body
    assert service.requests[1].headers["content-length"] == str(len(content))
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("url", ["not a url", "ftp://127.0.0.1", "http://", "http://[::1", "http://a:99999"])
def test_invalid_address_is_an_error(url: str) -> None:
    async def connect() -> None:
        async with AsyncClient(url) as client:
            await client.ready()

    with pytest.raises(ClientError):
        asyncio.run(connect())
