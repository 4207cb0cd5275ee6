"""A service that answers what a test tells it to, over real sockets, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from core.contracts.evaluations import MtodEvaluation, Scores
from core.contracts.examples import SlotSpan
from core.contracts.jobs import AdaptJob, JobEvent, JobKind, JobRecord, JobStatus, PretrainJob, Progress
from core.contracts.reports import Candidate, PromotionDecision, Report
from core.contracts.values import TaskName

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ACCEPTED = {"job_id": "job-1", "status": "queued", "queue_position": 1}
EXAMPLE = {"text": "hola", "intent": "greet"}


@dataclass(frozen=True)
class Reply:
    """One answer; a text is sent as it is, anything else as JSON."""

    body: Any
    status: int = 200
    kind: str = "application/json"


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def has_field(self, name: str, value: str) -> bool:
        """Whether a multipart body has the field."""
        return f'name="{name}"\r\n\r\n{value}\r\n'.encode() in self.body

    def has_file(self, name: str, filename: str, content: bytes) -> bool:
        """Whether a multipart body has the file."""
        head = f'name="{name}"; filename="{filename}"\r\n'.encode()
        return head in self.body and content in self.body


@dataclass
class FakeService:
    """Answers by method and path; the last of several replies is repeated."""

    url: str
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def answer(self, route: str, *replies: Any) -> None:
        """Tell what to answer: ``answer("GET /jobs/a", {...})``."""
        self.replies[route] = [one if isinstance(one, Reply) else Reply(one) for one in replies]

    def reply_to(self, asked: Asked) -> Reply:
        """Return the next reply, or what the real service says to an unknown path."""
        self.asked.append(asked)
        waiting = self.replies.get(f"{asked.method} {asked.path.partition('?')[0]}")
        if waiting is None:
            return Reply({"title": "Not Found", "detail": f"there is no {asked.path}"}, 404)
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def fake_service() -> Iterator[FakeService]:
    """Run a fake service on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            reply = service.reply_to(asked)
            data = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            self.send_response(reply.status)
            self.send_header("content-type", reply.kind)
            self.end_headers()
            self.wfile.write(data.encode())

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


def job(status: JobStatus, *, kind: JobKind = JobKind.ADAPT, **more: Any) -> dict[str, Any]:
    """Return a job as `GET /jobs/{id}` answers it."""
    request: AdaptJob | PretrainJob = AdaptJob(
        task=TaskName.MTOD, language="es", dataset_id="few", base_id="base-1"
    )
    if kind is JobKind.PRETRAIN:
        request = PretrainJob(task=TaskName.MTOD, source_language="en", dataset_id="source")
    record = JobRecord(
        job_id="job-1",
        kind=kind,
        task=TaskName.MTOD,
        language="es",
        status=status,
        request=request,
        created_at=MOMENT,
    )
    return {**record.model_copy(update=more).model_dump(mode="json"), "queue_position": None}


def succeeded(**more: Any) -> dict[str, Any]:
    return job(JobStatus.SUCCEEDED, checkpoint_id="es-1", report=report(**more))


def prediction(text: str, *, adapted: bool = True) -> dict[str, Any]:
    """Return an answer that finds its one slot in the last word."""
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
    return {
        "predictions": [prediction(text, adapted=adapted) for text in texts],
        "checkpoints": {"es": "es-1"},
        "usage": {"tokens": 5, "queue_ms": 1.0, "inference_ms": 20.0},
    }


def status_event(number: int, status: JobStatus) -> str:
    return _event(number, JobEvent(event="status", at=MOMENT, data={"status": status.value}))


def progress_event(number: int, **progress: Any) -> str:
    data = Progress(**progress).model_dump(mode="json")
    return _event(number, JobEvent(event="progress", at=MOMENT, data=data))


def _event(number: int, event: JobEvent) -> str:
    return f"id: {number}-0\nevent: {event.event}\ndata: {event.model_dump_json()}\n\n"


def stream(*events: str) -> Reply:
    return Reply(": ping\n\n" + "".join(events), kind="text/event-stream")
