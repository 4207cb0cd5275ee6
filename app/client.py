"""A small typed client of the HTTP API: what the command line and the demo talk with."""

import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from app.answers import (
    DryRun,
    JobAccepted,
    JobPage,
    JobView,
    Languages,
    MtodPredictions,
    QaPredictions,
)
from app.client_errors import ClientError, ServiceUnreachable, refusal
from app.sse import ServerEvent, read_events
from core.contracts.examples import DatasetManifest
from core.contracts.jobs import JobEvent, JobStatus

DEFAULT_URL: Final = "http://127.0.0.1:8000"

REQUEST_SECONDS: Final = 60.0
"""An upload or a batch of predictions on two busy cores stays below this."""

SILENCE_SECONDS: Final = 60.0
"""The event stream sends a ping far more often; a longer silence is a dead connection."""

RECONNECTIONS: Final = 20
RECONNECTION_SECONDS: Final = 0.5

JOB_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


AnyAnswer = TypeVar("AnyAnswer", bound=BaseModel)
Form = Mapping[str, Any]


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
        try:
            # A proxy of the environment cannot know what listens on this machine's loopback.
            trust_env = urlsplit(url).hostname not in LOOPBACK
            self._http = httpx.Client(base_url=self.url, timeout=REQUEST_SECONDS, trust_env=trust_env)
        except (ValueError, httpx.InvalidURL) as error:
            raise ServiceUnreachable(f"{url!r} is not an address such as {DEFAULT_URL}: {error}") from error
        if key:
            self._http.headers["authorization"] = f"Bearer {key.strip()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def ready(self) -> None:
        """Return if the service can do its work; raise `ServiceUnreachable` if not."""
        self._send("GET", "/health/ready")

    def languages(self) -> Languages:
        """Tell which languages are served, and by what."""
        return _read(Languages, self._send("GET", "/languages"))

    def store_dataset(self, examples: Path, *, task: str, language: str) -> DatasetManifest:
        """Upload examples; the same ones get the same id again."""
        fields = {"task": task, "language": language}
        return _read(DatasetManifest, self._upload("/datasets", fields, {"examples": examples}))

    def pretrain(self, fields: Form, *, files: Mapping[str, Path]) -> JobAccepted:
        """Queue the making of a base.

        Args:
            fields: The request without its examples, as `POST /pretrain` takes it.
            files: ``examples``, and perhaps ``evaluation``.
        """
        return _read(JobAccepted, self._upload("/pretrain", fields, files))

    def adapt(self, fields: Form, *, files: Mapping[str, Path]) -> JobAccepted:
        """Queue the adaptation of a language; the arguments are as for `pretrain`."""
        return _read(JobAccepted, self._upload("/adapt", fields, files))

    def plan(self, fields: Form, *, files: Mapping[str, Path]) -> DryRun:
        """Tell what `adapt` would do, and do nothing."""
        return _read(DryRun, self._upload("/adapt", {**fields, "dry_run": True}, files))

    def job(self, job_id: str) -> JobView:
        """Return a job as it stands."""
        return _read(JobView, self._send("GET", f"/jobs/{_segment(job_id)}"))

    def jobs(self, **filters: str | int | None) -> JobPage:
        """Return the newest jobs; filter by ``status``, ``task``, ``language``, ``limit``, ``cursor``."""
        chosen = {name: value for name, value in filters.items() if value is not None}
        return _read(JobPage, self._send("GET", "/jobs", params=chosen))

    def cancel(self, job_id: str) -> JobView:
        """Ask a job to stop, and return it as it stands."""
        self._send("POST", f"/jobs/{_segment(job_id)}/cancel")
        return self.job(job_id)

    def predict_mtod(
        self, utterances: Sequence[str], *, language: str, checkpoint: str | None = None, top_k: int = 3
    ) -> MtodPredictions:
        """Return intent and slots of each utterance."""
        body: dict[str, Any] = {"utterances": list(utterances), "language": language, "top_k": top_k}
        if checkpoint is not None:
            body["checkpoint"] = checkpoint
        return _read(MtodPredictions, self._send("POST", "/predict/mtod", json=body))

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
        body: dict[str, Any] = {"questions": list(questions), "language": language, "top_k": top_k}
        if checkpoint is not None:
            body["checkpoint"] = checkpoint
        return _read(QaPredictions, self._send("POST", "/predict/qa", json=body))

    def events(self, job_id: str) -> Iterator[JobEvent]:
        """Yield what happens to a job until it has ended.

        A connection that breaks is made again where it broke off, some times.

        Raises:
            ServiceUnreachable: It broke for good.
        """
        last_id = ""
        failures = 0
        while True:
            try:
                for event in self._event_stream(job_id, last_id):
                    failures, last_id = 0, event.last_id
                    job_event = _job_event(event)
                    yield job_event
                    if _ends(job_event):
                        return
                if self.job(job_id).status.is_final:
                    return
            except ServiceUnreachable:
                failures += 1
                if failures > RECONNECTIONS:
                    raise
            time.sleep(self._pause)

    def ask(self, kind: type[AnyAnswer], method: str, path: str, **arguments: Any) -> AnyAnswer:  # noqa: ANN401
        """Send any request, with httpx's arguments, and read its answer."""
        return _read(kind, self._send(method, path, **arguments))

    @contextlib.contextmanager
    def opened(self, method: str, path: str, **arguments: Any) -> Iterator[httpx.Response]:  # noqa: ANN401
        """Send any request, and leave the answer to be read as it comes."""
        with self._failures_told(), self._http.stream(method, path, **arguments) as response:
            if response.is_error:
                response.read()
                raise refusal(response)
            yield response

    def _event_stream(self, job_id: str, last_id: str) -> Iterator[ServerEvent]:
        """Read one connection's events."""
        path = f"/jobs/{_segment(job_id)}/events"
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        timeout = httpx.Timeout(REQUEST_SECONDS, read=SILENCE_SECONDS)
        with self.opened("GET", path, headers=headers, timeout=timeout) as response:
            yield from read_events(response.iter_lines())

    def _upload(self, path: str, fields: Form, files: Mapping[str, Path]) -> httpx.Response:
        """POST files with form fields; anything that is not a string travels as JSON."""
        form = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in fields.items()
            if value is not None
        }
        with contextlib.ExitStack() as stack:
            opened = {
                name: (file.name, stack.enter_context(file.open("rb")), "application/octet-stream")
                for name, file in files.items()
            }
            return self._send("POST", path, data=form, files=opened)

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401  httpx's own
        """Send a request; return a good answer, raise on any other."""
        with self._failures_told():
            response = self._http.request(method, path, **arguments)
        if response.is_success:
            return response
        raise refusal(response)

    @contextlib.contextmanager
    def _failures_told(self) -> Iterator[None]:
        """Turn what can go wrong on the wire into one sentence."""
        try:
            yield
        except httpx.TimeoutException as error:
            raise ServiceUnreachable(f"{self.url} does not answer in time") from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ServiceUnreachable(f"no service answers at {self.url} ({error})") from error


def _read(kind: type[AnyAnswer], response: httpx.Response) -> AnyAnswer:
    """Read an answer as what it should be; a newer service may say more than this client knows."""
    try:
        return kind.model_validate_json(response.content, extra="ignore")
    except ValidationError as error:
        raise ClientError(
            f"{response.request.url} answered something that is not a {kind.__name__}; "
            "is it an xmetra service of this version?"
        ) from error


def _job_event(event: ServerEvent) -> JobEvent:
    """Read the data of a server-sent event."""
    try:
        return JobEvent.model_validate_json(event.data)
    except ValidationError as error:
        raise ClientError("the stream of events holds something that is not an event of a job") from error


def _ends(event: JobEvent) -> bool:
    """Whether nothing can follow."""
    return event.event == "status" and JobStatus(event.data["status"]).is_final


def _segment(job_id: str) -> str:
    """Return the id as a segment of a path; an id that could leave it is nobody's."""
    if JOB_ID.fullmatch(job_id) is None:
        raise ClientError(f"{job_id!r} is not the id of a job")
    return job_id
