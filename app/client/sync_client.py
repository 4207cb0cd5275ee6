"""A typed client of the HTTP API: what programs, the command line and the demo talk with.

    with Client("http://127.0.0.1:8000") as client:
        job = client.adapt("es", "es.jsonl").wait(progress=True)
        client.predict_mtod(["pon una alarma a las seis"], language="es")

`app.client.async_client.AsyncClient` is the same for asyncio.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, Unpack

import httpx
from rich.console import Console

from app.cli.rendering.console import messages
from app.cli.rendering.job_progress import show_progress
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


class Client:
    """Talks to one service.

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
            self._http = httpx.Client(**connection(url, key))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def ready(self) -> None:
        """Return if the service can do its work; raise `ServiceUnreachable` if not."""
        self.send(requests.ready())

    def languages(self) -> Languages:
        """Tell which languages are served, and by what."""
        return self.send(requests.languages())

    def store_dataset(self, language: str, examples: Examples, *, task: str = MTOD) -> DatasetManifest:
        """Upload examples; the same ones get the same id again."""
        return self.send(requests.store_dataset(language, examples, task=task))

    def pretrain(self, source_language: str, examples: Examples, **options: Unpack[PretrainOptions]) -> "Job":
        """Have a base made, which every adaptation starts from; the arguments are as for `adapt`."""
        return Job(self.send(requests.pretrain(source_language, examples, **options)), self)

    def adapt(self, language: str, examples: Examples, **options: Unpack[AdaptOptions]) -> "Job":
        """Have a language learnt.

        Args:
            language: A BCP-47 tag.
            examples: A file, or the examples themselves, or what `store_dataset` answered.
            options: see `app.client.requests.AdaptOptions`.

        Returns:
            The job, to be waited for.
        """
        return Job(self.send(requests.adapt(language, examples, **options)), self)

    def plan(self, language: str, examples: Examples, **options: Unpack[PlanOptions]) -> DryRun:
        """Tell what `adapt` would do, and do nothing."""
        return self.send(requests.plan(language, examples, **options))

    def job(self, job_id: str) -> JobView:
        """Return a job as it stands."""
        return self.send(requests.job(job_id))

    def jobs(self, **filters: str | int | None) -> JobPage:
        """Return the newest jobs; filter by ``status``, ``task``, ``language``, ``limit``, ``cursor``."""
        return self.send(requests.jobs(filters))

    def cancel(self, job_id: str) -> JobView:
        """Ask a job to stop, and return it as it stands."""
        return self.send(requests.cancel(job_id))

    def predict_mtod(
        self, utterances: Sequence[str], *, language: str, checkpoint: str | None = None, top_k: int = 3
    ) -> MtodPredictions:
        """Return intent and slots of each utterance."""
        return self.send(
            requests.predict_mtod(utterances, language=language, checkpoint=checkpoint, top_k=top_k)
        )

    def predict_qa(
        self,
        questions: Sequence[Mapping[str, Any]],
        *,
        language: str,
        checkpoint: str | None = None,
        top_k: int = 3,
    ) -> QaPredictions:
        """Return the answers to each question.

        Args:
            questions: Each with ``question`` and ``context``, and perhaps ``id`` and ``language``.
            language: Of every question that does not tell its own.
            checkpoint: Who is asked, in place of whatever serves.
            top_k: Answers to rank.
        """
        return self.send(
            requests.predict_qa(questions, language=language, checkpoint=checkpoint, top_k=top_k)
        )

    def events(self, job_id: str) -> Iterator[JobEvent]:
        """Yield what happens to a job until it has ended.

        A connection that breaks is made again where it broke off, some times.

        Raises:
            ServiceUnreachable: It broke for good.
        """
        feed = EventFeed(job_id)
        while True:
            try:
                with self.opened("GET", feed.path, **feed.connect()) as answer:
                    for line in answer.iter_lines():
                        if (event := feed.take(line)) is not None:
                            yield event
                        if feed.ended:
                            return
                if self.job(job_id).status.is_final:
                    return
            except ServiceUnreachable as error:
                feed.broken(error)
            time.sleep(self._pause)

    def send(self, call: Call[AnswerT]) -> AnswerT:
        """Send a request and parse its response."""
        with translate_transport_errors(self.url):
            response = self._http.request(call.method, call.path, **call.arguments)
        if response.is_success:
            return call.read(response)
        raise refusal(response)

    @contextmanager
    def opened(self, method: str, path: str, **arguments: Any) -> Iterator[httpx.Response]:  # noqa: ANN401
        """Send any request, with httpx's arguments, and leave the answer to be read as it comes."""
        with translate_transport_errors(self.url), self._http.stream(method, path, **arguments) as response:
            if response.is_error:
                response.read()
                raise refusal(response)
            yield response


@dataclass(frozen=True, slots=True)
class Job:
    """A job that a service has taken.

    Attributes:
        accepted: What it said to it.
        client: Talks to it.
    """

    accepted: JobAccepted
    client: Client

    @property
    def job_id(self) -> str:
        """What the service calls it."""
        return self.accepted.job_id

    def state(self) -> JobView:
        """Return it as it stands."""
        return self.client.job(self.job_id)

    def events(self) -> Iterator[JobEvent]:
        """Yield what happens to it until it has ended."""
        return self.client.events(self.job_id)

    def cancel(self) -> JobView:
        """Ask it to stop, and return it as it stands."""
        return self.client.cancel(self.job_id)

    def wait(self, *, progress: bool = False, console: Console | None = None) -> JobView:
        """Return it, with its report, once it has succeeded.

        Args:
            progress: Whether to show a bar, or lines where the output is not a terminal.
            console: Where to; by default stderr.

        Raises:
            JobFailed: It failed or was cancelled.
            ServiceUnreachable: The service went away for good.
        """
        if progress:
            show_progress(self.events(), console or messages())
        else:
            for _ in self.events():
                pass
        return succeeded(self.state())
