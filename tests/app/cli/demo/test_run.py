from collections.abc import Iterator
from typing import Any

import pytest

from app.cli.demo.run import (
    EXAMPLES_SHOWN,
    print_answers,
    print_predictions,
    select_questions,
    select_utterances,
)
from app.cli.demo.scenarios import DemoRun, DemoTask, adapt, demo_tasks, find_base, make_base
from app.cli.rendering.console import messages
from core.contracts.examples import MtodExample, SlotSpan
from core.contracts.hyperparameters import PretrainSettings
from core.contracts.jobs import JobKind, JobStatus, PretrainJob, Problem
from core.contracts.values import Method
from core.formats import read_examples, read_questions
from tests.app.fake_service import (
    FakeService,
    Reply,
    fake_service,
    job,
    predictions,
    status_event,
    stream,
    succeeded,
)
from tests.repository import SAMPLES
from xmetra_client import Client, JobFailed
from xmetra_client.models import QaPredictions

MTOD, QA = demo_tasks(SAMPLES)


@pytest.fixture
def service() -> Iterator[FakeService]:
    with fake_service() as running:
        running.answer(
            "POST /datasets",
            {
                "dataset_id": "source",
                "task": "mtod",
                "language": "en",
                "examples": 1,
                "intents": {},
                "slots": {},
            },
        )
        yield running


@pytest.fixture
def client(service: FakeService) -> Iterator[Client]:
    with Client(service.url, pause=0.0) as connected:
        yield connected


def pretrained(**changes: Any) -> dict[str, Any]:
    """Return a succeeded pretraining on the sample data, its request updated with the changes."""
    request = PretrainJob(
        task=MTOD.task,
        source_language="en",
        dataset_id="source",
        evaluation_dataset_id="source",
        settings=MTOD.settings,
    )
    return job(
        JobStatus.SUCCEEDED,
        kind=JobKind.PRETRAIN,
        request=request.model_copy(update=changes),
        checkpoint_id="base-1",
    )


def test_find_base_returns_a_base_of_the_same_data_and_settings(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs", {"jobs": [succeeded(), pretrained()], "next_cursor": None})
    assert find_base(client, MTOD) == "base-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset_id": "other"},
        {"evaluation_dataset_id": "other"},
        {"settings": PretrainSettings(epochs=1)},
        {"encoder": "a/b"},
        {"seed": 1},
    ],
)
def test_find_base_ignores_a_base_of_other_data_or_settings(
    service: FakeService, client: Client, changes: dict[str, Any]
) -> None:
    service.answer("GET /jobs", {"jobs": [pretrained(**changes)], "next_cursor": None})
    assert find_base(client, MTOD) is None


def test_find_base_searches_every_page(service: FakeService, client: Client) -> None:
    service.answer(
        "GET /jobs",
        {"jobs": [succeeded()], "next_cursor": "job-1"},
        {"jobs": [pretrained()], "next_cursor": None},
    )
    assert find_base(client, MTOD) == "base-1"
    assert "cursor=job-1" in service.requests[-1].path


def test_make_base_raises_when_the_job_fails(service: FakeService, client: Client) -> None:
    problem = Problem(title="Diverged", detail="the loss is no number")
    service.answer("POST /pretrain", Reply({"job_id": "job-1", "status": "queued"}, 202))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.FAILED)))
    service.answer("GET /jobs/job-1", job(JobStatus.FAILED, kind=JobKind.PRETRAIN, error=problem))
    with pytest.raises(JobFailed, match="the loss is no number"):
        make_base(client, MTOD, messages())


@pytest.mark.parametrize(("task", "run"), [(task, run) for task in (MTOD, QA) for run in task.runs])
def test_adapt_uploads_the_training_and_evaluation_files(
    service: FakeService, client: Client, task: DemoTask, run: DemoRun
) -> None:
    language = run.language
    service.answer("POST /adapt", Reply({"job_id": "job-1", "status": "queued"}, 202))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.SUCCEEDED)))
    service.answer("GET /jobs/job-1", succeeded())
    adapt(client, task, run, base_id="base-1", baselines=[Method.MONO], console=messages())
    request = service.requests[0]
    few_shot, held_out = task.few_shot(language), task.held_out(language)
    assert request.has_file("examples", few_shot.name, few_shot.read_bytes())
    assert request.has_file("evaluation", held_out.name, held_out.read_bytes())
    assert request.has_field("task", task.task)
    assert request.has_field("language", language)
    assert request.has_field("base", "base-1")
    assert request.has_field("method", run.method.value)
    assert request.has_field("baselines", '["mono"]')


def test_adapt_omits_its_own_method_from_the_baselines(service: FakeService, client: Client) -> None:
    service.answer("POST /adapt", Reply({"job_id": "job-1", "status": "queued"}, 202))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.SUCCEEDED)))
    service.answer("GET /jobs/job-1", succeeded())
    run = QA.runs[0]
    adapt(client, QA, run, base_id="base-1", baselines=[run.method, Method.MONO], console=messages())
    assert service.requests[0].has_field("baselines", '["mono"]')


def test_select_utterances_returns_different_intents_in_any_order() -> None:
    examples = read_examples(MTOD.held_out("es").read_bytes(), name="es.held-out.jsonl")
    utterances = select_utterances(examples)
    assert len({example.intent for example in utterances}) == len(utterances) == EXAMPLES_SHOWN
    assert utterances == select_utterances(list(reversed(examples)))


def test_print_predictions_marks_each_as_correct_or_not(capsys: pytest.CaptureFixture[str]) -> None:
    texts = ("pon una alarma mañana", "va a llover")
    examples = [
        MtodExample(
            text=texts[0], intent="alarm/set_alarm", slots=(SlotSpan(slot="datetime", start=15, end=21),)
        ),
        MtodExample(text=texts[1], intent="weather/find"),
    ]
    with fake_service() as service, Client(service.url) as client:
        service.answer("POST /predict/mtod", predictions(*texts))
        print_predictions(examples, client.predict_mtod(texts, language="es"))
    rows = [line.split()[0] for line in capsys.readouterr().out.splitlines() if "%" in line]
    assert rows == ["yes", "no"]


def test_select_questions_returns_different_contexts() -> None:
    questions = select_questions(read_questions(QA.held_out("sw").read_bytes(), name="sw.held-out.json"))
    assert len({example.context for example in questions}) == len(questions) == EXAMPLES_SHOWN


def test_print_answers_marks_each_as_correct_or_not(capsys: pytest.CaptureFixture[str]) -> None:
    examples = select_questions(read_questions(QA.held_out("sw").read_bytes(), name="sw.held-out.json"))[:2]
    right, wrong = examples[0].answers[0], examples[1]
    answers = [
        {"text": right.text, "start": right.answer_start, "end": right.end, "score": 0.9},
        {"text": wrong.context[:1], "start": 0, "end": 1, "score": 0.5},
    ]
    response = {
        "predictions": [{"language": "sw", "answers": [answer], "adapted": True} for answer in answers],
        "checkpoints": {"sw": "sw-1"},
        "usage": {"tokens": 1, "queue_ms": 0.0, "inference_ms": 1.0},
    }
    print_answers(examples, QaPredictions.model_validate(response))
    output = capsys.readouterr().out
    assert "yes" in output
    assert "no" in output.split("yes")[1]
