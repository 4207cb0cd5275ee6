"""The client of `app.client.sync_client` for asyncio.

async with AsyncClient("http://127.0.0.1:8000") as client:
job = await (await client.adapt("es", "es.jsonl")).wait(progress=True)
await client.predict_mtod(["pon una alarma a las seis"], language="es")
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, Unpack

import httpx
from rich.console import Console

from app.cli.rendering.console import messages
from app.cli.rendering.job_progress import progress_of, watcher
from app.client import requests
from app.client.errors import ServiceUnreachable, refusal, succeeded
from app.client.event_stream import RECONNECTION_SECONDS, EventFeed
from app.client.requests import MTOD, AdaptOptions, AnswerT, Call, Examples, PlanOptions, PretrainOptions
from app.client.transport import DEFAULT_URL, connection, translate_address_errors, translate_transport_errors
from app.schemas.responses import (
    DryRun,
    JobAccepted,
    JobPage,
    JobView,
    Languages,
    MtodPredictions,
    QaPredictions,
)
from core.contracts.examples import DatasetManifest
from core.contracts.jobs import JobEvent


class AsyncClient:
    """Talks to one service; many requests may be under way at once.

    Args:
        url: Where it listens.
        key: Sent with every request; a service that has keys asks for one.
        pause: Seconds before a broken stream of events is taken up again.

    Raises:
        ServiceUnreachable: The address is none.
    """

    def __init__(
        self, url: str = DEFAULT_URL, *, key: str | None = None, pause: float = RECONNECTION_SECONDS
    ) -> None:
        self.url = url.rstrip("/")
        self._pause = pause
        with translate_address_errors(url):
            self._http = httpx.AsyncClient(**connection(url, key))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ready(self) -> None:
        """Return if the service can do its work; raise `ServiceUnreachable` if not."""
        await self.send(requests.ready())

    async def languages(self) -> Languages:
        """Tell which languages are served, and by what."""
        return await self.send(requests.languages())

    async def store_dataset(self, language: str, examples: Examples, *, task: str = MTOD) -> DatasetManifest:
        """Upload examples; the same ones get the same id again."""
        return await self.send(requests.store_dataset(language, examples, task=task))

    async def pretrain(
        self, source_language: str, examples: Examples, **options: Unpack[PretrainOptions]
    ) -> "AsyncJob":
        """Have a base made; the arguments are as for `app.client.sync_client.Client.adapt`."""
        return AsyncJob(await self.send(requests.pretrain(source_language, examples, **options)), self)

    async def adapt(self, language: str, examples: Examples, **options: Unpack[AdaptOptions]) -> "AsyncJob":
        """Have a language learnt; the arguments are as for `app.client.sync_client.Client.adapt`."""
        return AsyncJob(await self.send(requests.adapt(language, examples, **options)), self)

    async def plan(self, language: str, examples: Examples, **options: Unpack[PlanOptions]) -> DryRun:
        """Tell what `adapt` would do, and do nothing."""
        return await self.send(requests.plan(language, examples, **options))

    async def job(self, job_id: str) -> JobView:
        """Return a job as it stands."""
        return await self.send(requests.job(job_id))

    async def jobs(self, **filters: str | int | None) -> JobPage:
        """Return the newest jobs; filter by ``status``, ``task``, ``language``, ``limit``, ``cursor``."""
        return await self.send(requests.jobs(filters))

    async def cancel(self, job_id: str) -> JobView:
        """Ask a job to stop, and return it as it stands."""
        return await self.send(requests.cancel(job_id))

    async def predict_mtod(
        self, utterances: Sequence[str], *, language: str, checkpoint: str | None = None, top_k: int = 3
    ) -> MtodPredictions:
        """Return intent and slots of each utterance."""
        return await self.send(
            requests.predict_mtod(utterances, language=language, checkpoint=checkpoint, top_k=top_k)
        )

    async def predict_qa(
        self,
        questions: Sequence[Mapping[str, Any]],
        *,
        language: str,
        checkpoint: str | None = None,
        top_k: int = 3,
    ) -> QaPredictions:
        """Return the answers to each question; see `Client.predict_qa`."""
        return await self.send(
            requests.predict_qa(questions, language=language, checkpoint=checkpoint, top_k=top_k)
        )

    async def events(self, job_id: str) -> AsyncIterator[JobEvent]:
        """Yield what happens to a job until it has ended.

        A connection that breaks is made again where it broke off, some times.

        Raises:
            ServiceUnreachable: It broke for good.
        """
        feed = EventFeed(job_id)
        while True:
            try:
                async with self.opened("GET", feed.path, **feed.connect()) as answer:
                    async for line in answer.aiter_lines():
                        if (event := feed.take(line)) is not None:
                            yield event
                        if feed.ended:
                            return
                if (await self.job(job_id)).status.is_final:
                    return
            except ServiceUnreachable as error:
                feed.broken(error)
            await asyncio.sleep(self._pause)

    async def send(self, call: Call[AnswerT]) -> AnswerT:
        """Send a request and parse its response."""
        with translate_transport_errors(self.url):
            response = await self._http.request(call.method, call.path, **call.arguments)
        if response.is_success:
            return call.read(response)
        raise refusal(response)

    @asynccontextmanager
    async def opened(
        self,
        method: str,
        path: str,
        **arguments: Any,  # noqa: ANN401  httpx's own
    ) -> AsyncIterator[httpx.Response]:
        """Send any request, with httpx's arguments, and leave the answer to be read as it comes."""
        with translate_transport_errors(self.url):
            async with self._http.stream(method, path, **arguments) as response:
                if response.is_error:
                    await response.aread()
                    raise refusal(response)
                yield response


@dataclass(frozen=True, slots=True)
class AsyncJob:
    """A job that a service has taken.

    Attributes:
        accepted: What it said to it.
        client: Talks to it.
    """

    accepted: JobAccepted
    client: AsyncClient

    @property
    def job_id(self) -> str:
        """What the service calls it."""
        return self.accepted.job_id

    async def state(self) -> JobView:
        """Return it as it stands."""
        return await self.client.job(self.job_id)

    def events(self) -> AsyncIterator[JobEvent]:
        """Yield what happens to it until it has ended."""
        return self.client.events(self.job_id)

    async def cancel(self) -> JobView:
        """Ask it to stop, and return it as it stands."""
        return await self.client.cancel(self.job_id)

    async def wait(self, *, progress: bool = False, console: Console | None = None) -> JobView:
        """Return it, with its report, once it has succeeded.

        Args:
            progress: Whether to show a bar, or lines where the output is not a terminal.
            console: Where to; by default stderr.

        Raises:
            JobFailed: It failed or was cancelled.
            ServiceUnreachable: The service went away for good.
        """
        if progress:
            with watcher(console or messages()) as shown:
                async for event in self.events():
                    if (told := progress_of(event)) is not None:
                        shown.show(told)
        else:
            async for _ in self.events():
                pass
        return succeeded(await self.state())
