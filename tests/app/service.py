"""An API with a real store and a real Redis; only its models are fakes."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from redis import Redis

from app.dependencies import Services
from app.main import create_app
from app.settings import Settings
from core.contracts.evaluations import MtodEvaluation, QaEvaluation
from core.contracts.examples import MtodExample, SlotSpan
from core.contracts.mtod_predictions import PredictedSlot, RankedIntent
from core.contracts.qa_examples import AnswerSpan, QaExample
from core.contracts.qa_predictions import PredictedAnswer
from core.contracts.reports import CheckpointManifest
from core.contracts.values import MTOD, QA, TaskName, now
from core.errors import Fault, InvalidInput
from core.jobqueue.queue import JobQueue
from core.store import Store

INTENTS = ("alarm/set_alarm", "reminder/set_reminder", "weather/find")
SLOTS = ("datetime", "location")
MAX_FAKE_TOKENS = 100
MTOD_SCORES = MtodEvaluation(examples=10, intent_accuracy=0.9, slot_f1=0.8, exact_match=0.7)
QA_SCORES = QaEvaluation(examples=10, f1=0.6, exact_match=0.5)

Json = Any


@dataclass(frozen=True)
class FakeAnswer:
    intents: tuple[RankedIntent, ...]
    slots: tuple[PredictedSlot, ...]
    tokens: int


@dataclass(frozen=True)
class FakeText:
    text: str

    def __len__(self) -> int:
        return len(self.text.split()) + 2


@dataclass
class FakeModel:
    """Ranks the intents in the order of the manifest, and tags the first word as a location."""

    manifest: CheckpointManifest
    loader: "FakeLoader"
    memory: dict[int, int]
    batches: list[list[str]] = field(default_factory=list)

    def read(self, texts: Sequence[str]) -> "list[FakeText]":
        faults = [
            Fault(
                f"/{index}", f"the text has {len(text.split())} tokens; this encoder reads {MAX_FAKE_TOKENS}"
            )
            for index, text in enumerate(texts)
            if len(text.split()) > MAX_FAKE_TOKENS
        ]
        if faults:
            raise InvalidInput(faults)
        return [FakeText(text) for text in texts]

    def answer(self, texts: Sequence[Any], *, top_k: int) -> list[FakeAnswer]:
        self.loader.wait_for_a_pass()
        self.batches.append([text.text for text in texts])
        return [self._answer(text.text, top_k) for text in texts]

    def _answer(self, text: str, top_k: int) -> FakeAnswer:
        word = text.split(maxsplit=1)[0]
        start = text.index(word)
        slot = PredictedSlot(slot="location", value=word, start=start, end=start + len(word), confidence=0.5)
        ranked = [
            RankedIntent(name=intent, confidence=round(1 / (2 + rank), 3))
            for rank, intent in enumerate(self.manifest.intents)
        ]
        return FakeAnswer(tuple(ranked[:top_k]), (slot,), len(text.split()) + 2)


@dataclass(frozen=True)
class FakeQaAnswer:
    answers: tuple[PredictedAnswer, ...]
    tokens: int


@dataclass(frozen=True)
class FakeReading:
    question: str
    context: str

    def __len__(self) -> int:
        return len(self.context.split())


@dataclass
class FakeQaModel:
    """Answers with the first words of the context."""

    manifest: CheckpointManifest
    loader: "FakeLoader"
    memory: dict[int, int]
    batches: list[list[tuple[str, str]]] = field(default_factory=list)

    def read(self, inputs: Sequence[Any]) -> "list[FakeReading]":
        faults = [
            Fault(f"/{index}/question", f"the question has more than {MAX_FAKE_TOKENS} tokens")
            for index, item in enumerate(inputs)
            if len(item.question.split()) > MAX_FAKE_TOKENS
        ]
        if faults:
            raise InvalidInput(faults)
        return [FakeReading(item.question, item.context) for item in inputs]

    def answer(self, readings: Sequence[Any], *, top_k: int) -> list[FakeQaAnswer]:
        self.loader.wait_for_a_pass()
        self.batches.append([(reading.question, reading.context) for reading in readings])
        return [self._answer(reading.context, top_k) for reading in readings]

    def _answer(self, context: str, top_k: int) -> FakeQaAnswer:
        words = list(re.finditer(r"\S+", context))[:top_k]
        answers = tuple(
            PredictedAnswer(
                text=word.group(), start=word.start(), end=word.end(), score=round(1 / (2 + rank), 3)
            )
            for rank, word in enumerate(words)
        )
        return FakeQaAnswer(answers, len(context.split()))


@dataclass
class FakeLoader:
    """Loads fake models, and records which."""

    size_in_bytes: int = 100
    loaded: list[str] = field(default_factory=list)
    models: dict[str, Any] = field(default_factory=dict)
    gate: threading.Event | None = None
    pass_gate: threading.Event | None = None
    failure: Exception | None = None

    def wait_for_a_pass(self) -> None:
        assert self.pass_gate is None or self.pass_gate.wait(10)

    def __call__(self, store: Store, manifest: CheckpointManifest) -> Any:
        if self.gate is not None:
            assert self.gate.wait(10)
        self.loaded.append(manifest.checkpoint_id)
        if self.failure is not None:
            raise self.failure
        kind = FakeModel if manifest.task == MTOD else FakeQaModel
        model = kind(manifest, self, {len(self.loaded): self.size_in_bytes})
        self.models[manifest.checkpoint_id] = model
        return model


@dataclass
class Service:
    """A running API with its services.

    Attributes:
        http: Client of the API.
        services: Services of the API.
        loader: Loader of the fake models.
        folder: Folder of the store.
    """

    http: TestClient
    services: Services
    loader: FakeLoader
    folder: Path

    @property
    def store(self) -> Store:
        return self.services.store

    @property
    def queue(self) -> JobQueue:
        return self.services.queue

    def make_base(self, checkpoint_id: str = "base-en", language: str = "en") -> CheckpointManifest:
        """Publish a base and deploy it."""
        source = self.store.datasets.put(source_examples(), task=MTOD, language=language)
        manifest = self.make_checkpoint(
            checkpoint_id, languages=(language,), datasets={"source": source.dataset_id}
        )
        self.store.deployments.deploy(MTOD, "base", checkpoint_id, reason="the first base")
        return manifest

    def make_qa_base(self, checkpoint_id: str = "qa-base-en") -> CheckpointManifest:
        """Publish a base for questions and deploy it."""
        source = self.store.datasets.put(source_questions(), task=QA, language="en")
        manifest = self.make_checkpoint(
            checkpoint_id, languages=("en",), datasets={"source": source.dataset_id}, task=QA
        )
        self.store.deployments.deploy(QA, "base", checkpoint_id, reason="the first base")
        return manifest

    def adapt_to(self, language: str, checkpoint_id: str, task: TaskName = MTOD) -> None:
        """Publish an adapted checkpoint and deploy it to a language."""
        self.make_checkpoint(checkpoint_id, languages=("en", language), task=task)
        self.store.deployments.deploy(task, language, checkpoint_id, reason="a test")

    def make_checkpoint(
        self,
        checkpoint_id: str,
        *,
        languages: tuple[str, ...],
        datasets: dict[str, str] | None = None,
        task: TaskName = MTOD,
    ) -> CheckpointManifest:
        """Publish a checkpoint without files."""
        is_mtod = task == MTOD
        manifest = CheckpointManifest(
            checkpoint_id=checkpoint_id,
            task=task,
            method="pre" if len(languages) == 1 else "ft",
            languages=languages,
            dataset_ids=datasets or {},
            encoder="embedded",
            intents=INTENTS if is_mtod else (),
            slots=SLOTS if is_mtod else (),
            files={},
            bytes=0,
            evaluation=MTOD_SCORES if is_mtod else QA_SCORES,
            created_at=now(),
        )
        empty = self.folder.parent / "empty"
        empty.mkdir(exist_ok=True)
        self.store.checkpoints.publish(empty, manifest=manifest)
        return manifest

    def adapt(self, **fields: Json) -> Json:
        """Queue an adaptation and return the response."""
        response = self.http.post("/adapt", json=adaptation(**fields))
        assert response.status_code == 202, response.text
        return response.json()

    def refused(self, status: int, body: Json, path: str = "/adapt") -> Json:
        """POST a body that is refused, and return the problem."""
        return problem(self.http.post(path, json=body), status)


@contextmanager
def running(redis_url: str, folder: Path, **settings: Json) -> Iterator[Service]:
    """Start a service with a Redis, which is emptied, and a store in a folder."""
    if not redis_url.endswith("nobody.sock"):
        with Redis.from_url(redis_url) as redis:
            redis.flushall()
    service_settings = Settings(
        redis_url=redis_url, store_url=str(folder / "store"), preload=False, **settings
    )
    loader = FakeLoader()
    services = Services.of(service_settings, load=loader)
    app = create_app(service_settings, services=services)
    with TestClient(app, raise_server_exceptions=False) as http:
        yield Service(http, services, loader, folder / "store")


def problem(response: Any, status: int) -> Json:
    """Return the problem of a response, after checking what all problems have in common."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == {"type", "title", "status", "detail", "instance", "request_id", "errors"}
    assert body["status"] == status
    assert body["type"].startswith("urn:xmetra:problem:")
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["title"] and body["detail"]
    return body


def faults(problem_details: Json) -> dict[str, str]:
    """Return pointer → detail of the faults of a problem."""
    return {fault["pointer"]: fault["detail"] for fault in problem_details["errors"]}


def example(
    text: str = "pon una alarma a las seis",
    intent: str = "alarm/set_alarm",
    slots: Sequence[tuple[str, int, int]] = (("datetime", 15, 25),),
) -> Json:
    """Return an example as a client sends it."""
    spans = [{"slot": slot, "start": start, "end": end} for slot, start, end in slots]
    return {"text": text, "intent": intent, "slots": spans}


def few_shot(per_intent: int = 6) -> list[Json]:
    """Return some examples of each intent."""
    return [
        example(f"frase {number} de {intent}", intent, ())
        for intent in INTENTS
        for number in range(per_intent)
    ]


def adaptation(**fields: Json) -> Json:
    """Return a valid request for an adaptation, with some fields replaced or, by None, removed."""
    body = {"task": "mtod", "language": "es", "examples": few_shot(), **fields}
    return {name: value for name, value in body.items() if value is not None}


def source_examples() -> list[MtodExample]:
    return [
        MtodExample(
            text=f"sentence {number} of {intent}",
            intent=intent,
            slots=(SlotSpan(slot="datetime", start=0, end=8),),
        )
        for intent in INTENTS
        for number in range(8)
    ]


def question(
    text: str = "¿Cuándo abrió la panadería?",
    context: str = "La panadería de la plaza abrió en 1987.",
    answers: Sequence[tuple[str, int]] = (("1987", 34),),
) -> Json:
    """Return an answered question as a client sends it."""
    spans = [{"text": answer, "answer_start": start} for answer, start in answers]
    return {"question": text, "context": context, "answers": spans}


def few_questions(count: int = 12) -> list[Json]:
    """Return some answered questions, two on each context."""
    return [
        question(f"¿Qué número es {number}?", f"Es el número {number // 2:03}.", ((f"{number // 2:03}", 13),))
        for number in range(count)
    ]


def qa_adaptation(**fields: Json) -> Json:
    """Return a valid request for an adaptation of questions, with some fields replaced or removed."""
    body = {"task": "qa", "language": "es", "examples": few_questions(), **fields}
    return {name: value for name, value in body.items() if value is not None}


def source_questions() -> list[QaExample]:
    return [
        QaExample(
            question=f"what is number {number}?",
            context=f"it is number {number:03}",
            answers=(AnswerSpan(text=f"{number:03}", answer_start=13),),
        )
        for number in range(24)
    ]
