from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.client import Client
from app.console.outcome import JobFailed
from app.console.output import messages
from app.demo import (
    LANGUAGES,
    SHOWN,
    Samples,
    adapt,
    chosen_examples,
    find_base,
    make_base,
    show_predictions,
)
from core.contracts.examples import MtodExample, SlotSpan
from core.contracts.jobs import JobKind, JobStatus, PretrainJob, PretrainSettings, Problem
from core.contracts.values import Method, TaskName
from core.formats import read_examples
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

SAMPLES = Samples(Path(__file__).parents[2] / "samples" / "mtod")


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
    """Return a succeeded making of a base, from the sample data unless told otherwise."""
    request = PretrainJob(task=TaskName.MTOD, source_language="en", dataset_id="source")
    return job(
        JobStatus.SUCCEEDED,
        kind=JobKind.PRETRAIN,
        request=request.model_copy(update=changes),
        checkpoint_id="base-1",
    )


def test_a_base_of_the_same_data_and_settings_is_used_again(service: FakeService, client: Client) -> None:
    service.answer("GET /jobs", {"jobs": [succeeded(), pretrained()], "next_cursor": None})
    assert find_base(client, SAMPLES.source) == "base-1"


@pytest.mark.parametrize(
    "changes",
    [{"dataset_id": "other"}, {"settings": PretrainSettings(epochs=1)}, {"encoder": "a/b"}, {"seed": 1}],
)
def test_a_base_of_other_data_or_settings_is_not(
    service: FakeService, client: Client, changes: dict[str, Any]
) -> None:
    service.answer("GET /jobs", {"jobs": [pretrained(**changes)], "next_cursor": None})
    assert find_base(client, SAMPLES.source) is None


def test_a_base_is_looked_for_on_every_page(service: FakeService, client: Client) -> None:
    service.answer(
        "GET /jobs",
        {"jobs": [succeeded()], "next_cursor": "job-1"},
        {"jobs": [pretrained()], "next_cursor": None},
    )
    assert find_base(client, SAMPLES.source) == "base-1"
    assert "cursor=job-1" in service.asked[-1].path


def test_a_base_that_fails_is_told(service: FakeService, client: Client) -> None:
    problem = Problem(title="Diverged", detail="the loss is no number")
    service.answer("POST /pretrain", Reply({"job_id": "job-1", "status": "queued"}, 202))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.FAILED)))
    service.answer("GET /jobs/job-1", job(JobStatus.FAILED, kind=JobKind.PRETRAIN, error=problem))
    with pytest.raises(JobFailed, match="the loss is no number"):
        make_base(client, SAMPLES.source, messages())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_adapted_by_an_upload_of_both_files(
    service: FakeService, client: Client, language: str
) -> None:
    service.answer("POST /adapt", Reply({"job_id": "job-1", "status": "queued"}, 202))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.SUCCEEDED)))
    service.answer("GET /jobs/job-1", succeeded())
    adapt(client, SAMPLES, language, base_id="base-1", baselines=[Method.FT])
    asked = service.asked[0]
    few_shot, held_out = SAMPLES.few_shot(language), SAMPLES.held_out(language)
    assert asked.has_file("examples", f"{language}.few-shot.jsonl", few_shot.read_bytes())
    assert asked.has_file("evaluation", f"{language}.held-out.jsonl", held_out.read_bytes())
    assert asked.has_field("language", language)
    assert asked.has_field("base", "base-1")
    assert asked.has_field("baselines", '["ft"]')


def test_utterances_of_different_intents_are_shown_the_same_each_time() -> None:
    examples = read_examples(SAMPLES.held_out("es").read_bytes(), name="es.held-out.jsonl")
    chosen = chosen_examples(examples)
    assert len({example.intent for example in chosen}) == len(chosen) == SHOWN
    assert chosen == chosen_examples(list(reversed(examples)))


def test_a_wrong_answer_is_shown_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    texts = ("pon una alarma mañana", "va a llover")
    examples = [
        MtodExample(
            text=texts[0], intent="alarm/set_alarm", slots=(SlotSpan(slot="datetime", start=15, end=21),)
        ),
        MtodExample(text=texts[1], intent="weather/find"),
    ]
    with fake_service() as service, Client(service.url) as client:
        service.answer("POST /predict/mtod", predictions(*texts))
        show_predictions(examples, client.predict_mtod(texts, language="es"))
    rows = [line.split()[0] for line in capsys.readouterr().out.splitlines() if "%" in line]
    assert rows == ["yes", "no"]
