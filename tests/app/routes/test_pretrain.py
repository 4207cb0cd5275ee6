import json
from pathlib import Path

import pytest

from core.contracts.jobs import PretrainJob
from core.contracts.values import Promotion
from tests.app.service import Service, faults, few_shot, problem, running


def test_pretrain_queues_a_job_without_a_base(fresh: Service) -> None:
    response = fresh.http.post(
        "/pretrain",
        json={
            "source_language": "en",
            "examples": few_shot(),
            "settings": {"epochs": 1},
            "seed": 7,
            "promote": "always",
            "evaluation": {"fraction": 0.1},
        },
    )

    assert response.status_code == 202, response.text
    accepted = response.json()
    assert response.headers["location"] == f"/jobs/{accepted['job_id']}"
    record = fresh.store.jobs.load(accepted["job_id"])
    assert isinstance(record.request, PretrainJob)
    assert record.language == record.request.source_language == "en"
    assert record.request.settings.epochs == 1
    assert record.request.seed == 7
    assert record.request.promote is Promotion.ALWAYS
    assert record.request.evaluation_fraction == 0.1
    assert fresh.queue.position(record.job_id) == 1


def test_pretrain_accepts_a_file_of_held_out_examples(fresh: Service) -> None:
    lines = "\n".join(json.dumps(example) for example in few_shot()).encode()

    response = fresh.http.post(
        "/pretrain",
        data={"source_language": "en", "settings": '{"epochs": 0.5}', "seed": "7"},
        files={"examples": ("en.jsonl", lines), "evaluation": ("held.jsonl", lines)},
    )

    assert response.status_code == 202, response.text
    request = fresh.store.jobs.load(response.json()["job_id"]).request
    assert isinstance(request, PretrainJob)
    assert request.evaluation_dataset_id == request.dataset_id
    assert request.seed == 7


def test_pretrain_returns_the_first_response_for_a_repeat(fresh: Service) -> None:
    body = {"source_language": "en", "examples": few_shot()}
    first, second = (fresh.http.post("/pretrain", json=body, headers={"idempotency-key": "k"}) for _ in "12")

    assert first.json() == second.json()
    assert fresh.queue.waiting() == 1


def test_pretrain_refuses_a_dataset_of_another_language(fresh: Service) -> None:
    stored = fresh.http.post("/datasets", json={"language": "es", "examples": few_shot()}).json()
    body = {"source_language": "en", "dataset": stored["dataset_id"]}

    assert faults(fresh.refused(422, body, "/pretrain")) == {
        "/dataset": "this dataset is in 'es', not in 'en'"
    }


def test_pretrain_accepts_a_dataset_of_another_region(fresh: Service) -> None:
    stored = fresh.http.post("/datasets", json={"language": "en-US", "examples": few_shot()}).json()
    body = {"source_language": "en", "dataset": stored["dataset_id"]}

    assert fresh.http.post("/pretrain", json=body).status_code == 202


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"encoder": ""}, "/encoder"),
        ({"encoder": "a\0b"}, "/encoder"),
        ({"encoder": "x" * 513}, "/encoder"),
        ({"seed": -1}, "/seed"),
        ({"settings": {"epochs": 1e999}}, "/settings/epochs"),
        ({"settings": {"inner_lr": 1}}, "/settings/inner_lr"),
        ({"examples": None}, "/dataset"),
        ({"dataset": "abc"}, "/dataset"),
        ({"source_language": "english"}, "/source_language"),
    ],
)
def test_pretrain_refuses_a_contradictory_request_with_its_place(
    fresh: Service, fields: dict[str, object], place: str
) -> None:
    body = {"source_language": "en", "examples": few_shot(), **fields}
    raw = json.dumps({name: value for name, value in body.items() if value is not None})
    raw = raw.replace("Infinity", "1e999")

    response = fresh.http.post("/pretrain", content=raw, headers={"content-type": "application/json"})

    assert place in faults(problem(response, 422))


@pytest.mark.parametrize(("named", "made_with"), [(None, "a/model"), ("embedded-en", "embedded-en")])
def test_pretrain_uses_the_default_encoder_of_the_service(
    redis_url: str, tmp_path: Path, named: str | None, made_with: str
) -> None:
    body = {"source_language": "en", "examples": few_shot(), "encoder": named}
    with running(redis_url, tmp_path, encoder="a/model") as service:
        accepted = service.http.post("/pretrain", json=body).json()
        request = service.store.jobs.load(accepted["job_id"]).request

    assert isinstance(request, PretrainJob)
    assert request.encoder == made_with
