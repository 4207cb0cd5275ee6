"""A fake of the service: canned responses over real sockets, and a record of the requests."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from core.contracts.evaluations import MtodEvaluation, Scores
from core.contracts.examples import SlotSpan
from core.contracts.jobs import AdaptJob, JobEvent, JobKind, JobRecord, JobStatus, PretrainJob, Progress
from core.contracts.reports import Candidate, PromotionDecision, Report
from core.contracts.values import MTOD

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ACCEPTED = {"job_id": "job-1", "status": "queued", "queue_position": 1}
EXAMPLE = {"text": "hola", "intent": "greet"}


@dataclass(frozen=True)
class Reply:
    """One response.

    Attributes:
        body: Text or bytes, sent unchanged; anything else is sent as JSON.
        status: HTTP status.
        media_type: Media type of the body.
        headers: Further headers.
    """

    body: Any
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RecordedRequest:
    """One request, with its header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed as JSON."""
        return json.loads(self.body)

    def has_field(self, name: str, value: str) -> bool:
        """Return whether the multipart body has a field with this value."""
        return f'name="{name}"\r\n\r\n{value}\r\n'.encode() in self.body

    def has_file(self, name: str, filename: str, content: bytes) -> bool:
        """Return whether the multipart body has a file with this name and content."""
        head = f'name="{name}"; filename="{filename}"\r\n'.encode()
        return head in self.body and content in self.body


@dataclass
class FakeService:
    """Responds to requests by method and path, and records them.

    Attributes:
        url: Base URL.
        replies: Route, such as ``GET /jobs``, → its replies in order; the last is repeated.
        requests: All requests so far.
    """

    url: str
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    requests: list[RecordedRequest] = field(default_factory=list)

    def answer(self, route: str, *replies: Any) -> None:
        """Set the replies of a route: ``answer("GET /jobs/a", {...})``."""
        self.replies[route] = [reply if isinstance(reply, Reply) else Reply(reply) for reply in replies]

    def reply_to(self, request: RecordedRequest) -> Reply:
        """Record a request and return its reply; 404 for an unknown route, as the service does."""
        self.requests.append(request)
        replies = self.replies.get(f"{request.method} {request.path.partition('?')[0]}")
        if replies is None:
            return Reply({"title": "Not Found", "detail": f"there is no {request.path}"}, 404)
        return replies.pop(0) if len(replies) > 1 else replies[0]


@contextmanager
def fake_service() -> Iterator[FakeService]:
    """Run a fake service on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = service.reply_to(RecordedRequest(self.command, self.path, headers, body))
            content = reply.body if isinstance(reply.body, str | bytes) else json.dumps(reply.body)
            self.send_response(reply.status)
            self.send_header("content-type", reply.media_type)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content if isinstance(content, bytes) else content.encode())

        do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815  http.server's names

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service = FakeService(url=f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


def evaluation(intent_accuracy: float, slot_f1: float) -> MtodEvaluation:
    """Return an evaluation with these rates from 0 to 1."""
    scores = Scores(precision=1.0, recall=0.5, f1=slot_f1, support=4)
    return MtodEvaluation(
        examples=20,
        intent_accuracy=intent_accuracy,
        slot_f1=slot_f1,
        exact_match=0.5,
        intents={"alarm/set_alarm": scores},
        slots={"datetime": scores},
    )


def report(*, promoted: bool = True) -> Report:
    """Return the report of an adaptation that beats its base."""
    return Report(
        data={"train": 120},
        dataset_ids={"target": "abc"},
        result=Candidate(name="x-metra-ada", evaluation=evaluation(0.95, 0.9), train_seconds=31.4),
        baselines=(Candidate(name="zero-shot base", evaluation=evaluation(0.6, 0.3)),),
        decision=PromotionDecision(promoted=promoted, reason="it scores 0.93 against 0.45"),
        verdict="X-METRA-ADA beats the base by 47.5 points.",
        warnings=("the intent weather/find has 3 examples",),
        seed=42,
        versions={},
        device="cpu",
        wall_seconds=41.0,
        peak_memory_bytes=900_000_000,
    )


def job(status: JobStatus, *, kind: JobKind = JobKind.ADAPT, **fields: Any) -> dict[str, Any]:
    """Return a response of ``GET /jobs/{id}``.

    Args:
        status: Status of the job.
        kind: Kind of the job.
        **fields: Further fields of the job record, which replace the defaults.
    """
    request: AdaptJob | PretrainJob = AdaptJob(task=MTOD, language="es", dataset_id="few", base_id="base-1")
    if kind is JobKind.PRETRAIN:
        request = PretrainJob(task=MTOD, source_language="en", dataset_id="source")
    record = JobRecord(
        job_id="job-1",
        kind=kind,
        task=MTOD,
        language="es",
        status=status,
        request=request,
        created_at=MOMENT,
    )
    return {**record.model_copy(update=fields).model_dump(mode="json"), "queue_position": None}


def succeeded(*, promoted: bool = True) -> dict[str, Any]:
    """Return a succeeded adaptation with its report."""
    return job(JobStatus.SUCCEEDED, checkpoint_id="es-1", report=report(promoted=promoted))


def prediction(text: str, *, adapted: bool = True) -> dict[str, Any]:
    """Return a prediction whose only slot is the last word."""
    start = text.rfind(" ") + 1
    slot = SlotSpan(slot="datetime", start=start, end=len(text))
    intent = {"name": "alarm/set_alarm", "confidence": 0.987}
    return {
        "id": None,
        "text": text,
        "language": "es",
        "intent": intent,
        "intent_ranking": [intent],
        "slots": [{**slot.model_dump(), "value": text[start:], "confidence": 0.9}],
        "adapted": adapted,
    }


def predictions(*texts: str, adapted: bool = True) -> dict[str, Any]:
    """Return a response of ``POST /predict/mtod``."""
    return {
        "predictions": [prediction(text, adapted=adapted) for text in texts],
        "checkpoints": {"es": "es-1"},
        "usage": {"tokens": 5, "queue_ms": 1.0, "inference_ms": 20.0},
    }


def status_event(number: int, status: JobStatus) -> str:
    """Return a server-sent event that reports a status."""
    return _event(number, JobEvent(event="status", at=MOMENT, data={"status": status.value}))


def progress_event(number: int, **progress: Any) -> str:
    """Return a server-sent event that reports progress."""
    data = Progress(**progress).model_dump(mode="json")
    return _event(number, JobEvent(event="progress", at=MOMENT, data=data))


def _event(number: int, event: JobEvent) -> str:
    return f"id: {number}-0\nevent: {event.event}\ndata: {event.model_dump_json()}\n\n"


def stream(*events: str) -> Reply:
    """Return an event stream that starts with a comment, as the service's pings are."""
    return Reply(": ping\n\n" + "".join(events), media_type="text/event-stream")
