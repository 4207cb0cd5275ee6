from pathlib import Path
from typing import Any

import pytest

from core.contracts.hyperparameters import PretrainSettings
from tests.app.fake_service import ACCEPTED, EXAMPLE, FakeService, Reply
from xmetra_client import Client, InvalidArgument
from xmetra_client.bodies import HeldOut
from xmetra_client.models import DatasetManifest

STORED = DatasetManifest(dataset_id="few", task="mtod", language="es", examples=1)


@pytest.fixture(autouse=True)
def _accepts_jobs(service: FakeService) -> None:
    service.answer("POST /adapt", Reply(ACCEPTED, 202))
    service.answer("POST /pretrain", Reply(ACCEPTED, 202))


def test_adapt_uploads_a_file_in_a_form_with_json_fields(
    service: FakeService, client: Client, examples: Path
) -> None:
    job = client.adapt("es", examples, hyperparameters={"seed": 7}, extend_labels=False, base=None)

    assert job.job_id == "job-1"
    assert job.accepted is not None and job.accepted.queue_position == 1
    request = service.requests[0]
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert request.has_file("examples", "es.jsonl", examples.read_bytes())
    assert request.has_field("language", "es")
    assert request.has_field("hyperparameters", '{"seed": 7}')
    assert request.has_field("extend_labels", "false")
    assert b'name="base"' not in request.body


@pytest.mark.parametrize(
    ("evaluation", "document"),
    [
        (0.25, {"fraction": 0.25}),
        ([EXAMPLE], {"examples": [EXAMPLE]}),
        (STORED, {"dataset": "few"}),
    ],
)
def test_adapt_sends_json_without_files(
    service: FakeService, client: Client, evaluation: HeldOut, document: Any
) -> None:
    client.adapt("es", [EXAMPLE], evaluation=evaluation, method="ft", base=None, idempotency_key="mine")

    assert service.requests[0].json == {
        "task": "mtod",
        "language": "es",
        "method": "ft",
        "examples": [EXAMPLE],
        "evaluation": document,
    }
    assert service.requests[0].headers["idempotency-key"] == "mine"


def test_pretrain_refers_to_a_stored_dataset(service: FakeService, client: Client) -> None:
    client.pretrain("en", STORED, settings=PretrainSettings(epochs=1))

    document = service.requests[0].json
    assert document["dataset"] == "few" and "examples" not in document
    assert document["settings"]["epochs"] == 1


def test_adapt_sends_a_file_and_a_held_out_share_in_one_form(
    service: FakeService, client: Client, examples: Path
) -> None:
    client.adapt("es", str(examples), evaluation=0.5)

    assert service.requests[0].has_file("examples", "es.jsonl", examples.read_bytes())
    assert service.requests[0].has_field("evaluation", '{"fraction": 0.5}')


def test_plan_is_a_dry_run(service: FakeService, client: Client, examples: Path) -> None:
    plan = {"method": "ft", "train": 8, "evaluation": 2, "stages": []}
    service.answer("POST /adapt", {"checks": {"warnings": ["few"]}, "plan": plan})

    response = client.plan("es", examples)

    assert response.plan.train == 8
    assert response.checks.warnings == ["few"]
    assert service.requests[0].has_field("dry_run", "true")


def test_store_dataset_and_dataset_return_its_manifest(
    service: FakeService, client: Client, examples: Path
) -> None:
    service.answer("POST /datasets", Reply(STORED.model_dump(), 201))
    service.answer("GET /datasets/few", STORED.model_dump())

    assert client.store_dataset("es", examples) == client.dataset("few") == STORED
    assert service.requests[0].has_field("task", "mtod")


@pytest.mark.parametrize("source", ["file", "list", "dataset"])
def test_evaluate_sends_labelled_examples(
    service: FakeService, client: Client, examples: Path, source: str
) -> None:
    result = {"task": "mtod", "language": "es", "checkpoint_id": "es-1", "adapted": True}
    service.answer("POST /evaluate", {**result, "evaluation": {"examples": 1, "slot_f1": 0.5}})
    argument: Any = {"file": examples, "list": [EXAMPLE], "dataset": STORED}[source]

    response = client.evaluate("es", argument, checkpoint="es-1")

    assert response.model_dump(include={*result}) == result
    assert dict(response.evaluation)["slot_f1"] == 0.5
    request = service.requests[0]
    if source == "file":
        assert request.has_file("examples", "es.jsonl", examples.read_bytes())
        assert request.has_field("checkpoint", "es-1")
    else:
        body = {"examples": [EXAMPLE]} if source == "list" else {"dataset": "few"}
        assert request.json == {"task": "mtod", "language": "es", "checkpoint": "es-1", **body}


@pytest.mark.parametrize("parameter", ["examples", "evaluation"])
def test_path_without_a_file_is_an_error_that_names_it(
    service: FakeService, client: Client, parameter: str
) -> None:
    argument: Any = {"examples": [EXAMPLE], parameter: "pon una alarma"}

    with pytest.raises(InvalidArgument, match=f"{parameter}: there is no file 'pon una alarma'"):
        client.adapt("es", **argument)
    assert service.requests == []


@pytest.mark.parametrize("parameter", ["examples", "evaluation"])
def test_single_example_is_an_error(service: FakeService, client: Client, parameter: str) -> None:
    argument: Any = {"examples": [EXAMPLE], parameter: EXAMPLE}

    with pytest.raises(InvalidArgument, match=f"{parameter} must be a list, not a single dict"):
        client.adapt("es", **argument)
    assert service.requests == []
