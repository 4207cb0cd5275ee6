"""The client for asyncio does what the other one does: the requests are the same values."""

import asyncio
import inspect
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest
from rich.console import Console

from app.client import registry_requests
from app.client.async_client import AsyncClient, AsyncJob
from app.client.errors import ClientError, JobFailed, RequestRefused, ServiceUnreachable
from app.client.sync_client import Client, Job
from core.contracts.jobs import JobStatus
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

ResultT = TypeVar("ResultT")


@pytest.fixture
def service() -> Iterator[FakeService]:
    with fake_service() as running:
        yield running


def asked(service: FakeService, ask: Callable[[AsyncClient], Awaitable[ResultT]], **settings: Any) -> ResultT:
    """Ask a service something, and return the answer."""

    async def session() -> ResultT:
        async with AsyncClient(service.url, pause=0.0, **settings) as client:
            return await ask(client)

    return asyncio.run(session())


def public(kind: type) -> dict[str, list[str]]:
    """Return the methods of a class with their parameters."""
    return {
        name: list(inspect.signature(method).parameters)
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize(("one", "other"), [(Client, AsyncClient), (Job, AsyncJob)])
def test_both_clients_can_do_the_same(one: type, other: type) -> None:
    assert public(one) == public(other)


def test_a_language_is_learnt_and_waited_for(service: FakeService) -> None:
    service.answer("POST /adapt", Reply(ACCEPTED, 202))
    service.answer("GET /jobs/job-1", succeeded())
    service.answer(
        "GET /jobs/job-1/events",
        stream(progress_event(1, percent=50, stage="meta-train"), status_event(2, JobStatus.SUCCEEDED)),
    )
    written = io.StringIO()

    async def learn(client: AsyncClient) -> str | None:
        taken = await client.adapt("es", [EXAMPLE], evaluation=0.5)
        return (await taken.wait(progress=True, console=Console(file=written))).checkpoint_id

    assert asked(service, learn) == "es-1"
    assert "50 %  meta-train" in written.getvalue()
    assert service.asked[0].json["evaluation"] == {"fraction": 0.5}


def test_a_job_without_a_result_is_an_error(service: FakeService) -> None:
    service.answer("POST /pretrain", Reply(ACCEPTED, 202))
    service.answer("GET /jobs/job-1", job(JobStatus.CANCELLED))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.CANCELLED)))

    async def learn(client: AsyncClient) -> None:
        await (await client.pretrain("en", [EXAMPLE])).wait()

    with pytest.raises(JobFailed, match="was cancelled"):
        asked(service, learn)


def test_several_questions_are_under_way_at_once(service: FakeService) -> None:
    service.answer("POST /predict/mtod", predictions("hola mundo"))

    async def ask(client: AsyncClient) -> list[str]:
        answers = await asyncio.gather(
            *(client.predict_mtod([f"hola {number}"], language="es") for number in range(8))
        )
        return [answer.predictions[0].intent.name for answer in answers]

    assert asked(service, ask, key="xm_1_secret") == ["alarm/set_alarm"] * 8
    assert {request.json["utterances"][0] for request in service.asked} == {
        f"hola {number}" for number in range(8)
    }
    assert {request.headers["authorization"] for request in service.asked} == {"Bearer xm_1_secret"}


def test_a_stream_that_breaks_off_is_resumed_after_its_last_event(service: FakeService) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.RUNNING))
    service.answer(
        "GET /jobs/job-1/events",
        stream(status_event(1, JobStatus.RUNNING)),
        Reply({"title": "Unavailable", "detail": "Redis restarts"}, 503),
        stream(status_event(2, JobStatus.FAILED)),
    )

    async def follow(client: AsyncClient) -> list[str]:
        return [event.data["status"] async for event in told(client)]

    def told(client: AsyncClient) -> AsyncIterator[Any]:
        return client.events("job-1")

    assert asked(service, follow) == ["running", "failed"]
    streams = [one for one in service.asked if one.path.endswith("/events")]
    assert [one.headers.get("last-event-id") for one in streams] == [None, "1-0", "1-0"]


def test_a_service_that_went_away_for_good_is_told(service: FakeService) -> None:
    service.answer("GET /jobs/job-1/events", Reply({"title": "Unavailable", "detail": "Redis is down"}, 503))

    async def follow(client: AsyncClient) -> None:
        async for _ in client.events("job-1"):
            pass

    with pytest.raises(ServiceUnreachable, match="Redis is down"):
        asked(service, follow)


def test_what_is_refused_is_told_with_its_faults(service: FakeService) -> None:
    problem = {"title": "Unusable", "detail": "1 fault", "errors": [{"pointer": "/top_k", "detail": "is 0"}]}
    service.answer("POST /predict/qa", Reply(problem, 422, "application/problem+json"))

    async def ask(client: AsyncClient) -> None:
        await client.predict_qa([{"question": "q", "context": "c"}], language="es", top_k=0)

    with pytest.raises(RequestRefused, match="/top_k: is 0"):
        asked(service, ask)


def test_any_request_of_the_registry_can_be_sent(service: FakeService) -> None:
    service.answer("POST /languages/mtod/es/rollback", Reply({"title": "Changed", "detail": "2 serves"}, 412))

    async def ask(client: AsyncClient) -> None:
        await client.send(registry_requests.roll_back("mtod", "es", expected=1))

    with pytest.raises(RequestRefused, match="2 serves"):
        asked(service, ask)
    assert service.asked[0].headers["if-match"] == '"1"'


@pytest.mark.parametrize("url", ["not a url", "ftp://127.0.0.1", "http://", "http://[::1", "http://a:99999"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    async def ask() -> None:
        async with AsyncClient(url) as client:
            await client.ready()

    with pytest.raises(ClientError):
        asyncio.run(ask())
