import json

import pytest

from core.contracts.jobs import AdaptJob, JobStatus
from core.contracts.values import Method, Promotion
from tests.app.service import Service, adaptation, example, faults, few_shot, problem


def test_adapt_queues_a_job_and_returns_its_location(service: Service) -> None:
    response = service.http.post("/adapt", json=adaptation())

    assert response.status_code == 202
    accepted = response.json()
    assert accepted["status"] == "queued"
    assert accepted["queue_position"] == 1
    assert isinstance(accepted["checks"]["warnings"], list)
    assert response.headers["location"] == f"/jobs/{accepted['job_id']}"


def test_adapt_stores_record_dataset_and_plan(service: Service) -> None:
    accepted = service.adapt(
        method="ft", promote="always", baselines=["x-metra-ada"], evaluation={"fraction": 0.5}
    )

    record = service.store.jobs.load(accepted["job_id"])
    assert record.status is JobStatus.QUEUED
    assert isinstance(record.request, AdaptJob)
    assert record.request.base_id == "base-en"
    assert record.request.method is Method.FT
    assert record.request.promote is Promotion.ALWAYS
    assert record.request.evaluation_fraction == 0.5
    assert len(service.store.datasets.load(record.request.dataset_id)) == len(few_shot())
    assert record.plan is not None
    assert record.plan.evaluation == len(few_shot()) // 2
    assert service.queue.position(record.job_id) == 1


def test_adapt_returns_the_position_in_the_queue(service: Service) -> None:
    assert [service.adapt()["queue_position"] for _ in range(3)] == [1, 2, 3]


def test_adapt_accepts_a_stored_dataset(service: Service) -> None:
    stored = service.http.post("/datasets", json={"language": "es", "examples": few_shot()}).json()

    accepted = service.adapt(examples=None, dataset=stored["dataset_id"])

    request = service.store.jobs.load(accepted["job_id"]).request
    assert request.dataset_id == stored["dataset_id"]


def test_adapt_stores_evaluation_examples(service: Service) -> None:
    accepted = service.adapt(evaluation={"examples": [example()]})

    request = service.store.jobs.load(accepted["job_id"]).request
    assert request.evaluation_dataset_id is not None
    assert service.store.datasets.manifest(request.evaluation_dataset_id).examples == 1


def test_dry_run_plans_and_writes_nothing(service: Service) -> None:
    response = service.http.post("/adapt", json=adaptation(dry_run=True))

    assert response.status_code == 200
    body = response.json()
    assert body["plan"]["method"] == "x-metra-ada"
    assert [stage["name"] for stage in body["plan"]["stages"]] == ["meta-train", "meta-adapt"]
    assert body["plan"]["train"] + body["plan"]["evaluation"] == len(few_shot())
    assert service.http.get("/jobs").json()["jobs"] == []
    assert service.queue.waiting() == 0


def test_plan_warns_of_small_data(service: Service) -> None:
    examples = few_shot()
    response = service.http.post(
        "/adapt", json=adaptation(dry_run=True, evaluation={"examples": examples[:2]})
    ).json()

    assert any("among the training examples" in warning for warning in response["checks"]["warnings"])


def test_adapt_accepts_a_file_with_form_fields(service: Service) -> None:
    lines = "\n".join(json.dumps(example) for example in few_shot())

    response = service.http.post(
        "/adapt",
        data={"language": "es", "method": "ft", "hyperparameters": '{"seed": 7}', "extend_labels": "false"},
        files={"examples": ("es.jsonl", lines.encode())},
    )

    assert response.status_code == 202, response.text
    request = service.store.jobs.load(response.json()["job_id"]).request
    assert isinstance(request, AdaptJob)
    assert request.hyperparameters.seed == 7
    assert len(service.store.datasets.load(request.dataset_id)) == len(few_shot())


def test_adapt_accepts_a_file_with_a_request_field(service: Service) -> None:
    lines = "\n".join(json.dumps(example) for example in few_shot()).encode()

    response = service.http.post(
        "/adapt",
        data={"request": json.dumps({"language": "es", "method": "ft", "dry_run": True})},
        files={"examples": ("es.jsonl", lines), "evaluation": ("held.jsonl", lines)},
    )

    assert response.status_code == 200, response.text
    assert response.json()["plan"]["evaluation"] == len(few_shot())


def test_adapt_detects_an_mtod_table_by_its_content(service: Service) -> None:
    hours = ("seis", "ocho", "doce", "once", "tres", "diez")
    rows = "".join(
        f"alarm/set_alarm\t15:{21 + len(hour)}:datetime\tpon una alarma a las {hour}\tes_XX\t\n"
        for hour in hours
    )

    response = service.http.post(
        "/adapt", data={"language": "es", "dry_run": "true"}, files={"examples": rows}
    )

    assert response.status_code == 200, response.text


def test_idempotency_key_returns_the_first_response_for_a_repeat(service: Service) -> None:
    key = {"Idempotency-Key": "monday-1"}
    first = service.http.post("/adapt", json=adaptation(), headers=key)
    second = service.http.post("/adapt", json=adaptation(), headers=key)

    assert second.status_code == 202
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]
    assert service.queue.waiting() == 1


def test_idempotency_key_of_another_request_is_a_conflict(service: Service) -> None:
    key = {"Idempotency-Key": "monday-1"}
    service.http.post("/adapt", json=adaptation(), headers=key)

    refusal = problem(service.http.post("/adapt", json=adaptation(method="ft"), headers=key), 409)

    assert "Idempotency-Key" in refusal["detail"]


def test_idempotency_key_can_be_retried_after_a_failure(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"Idempotency-Key": "monday-1"}
    with monkeypatch.context() as patch:
        patch.setattr(service.queue, "_max_waiting", 0)
        problem(service.http.post("/adapt", json=adaptation(), headers=key), 429)

    assert service.http.post("/adapt", json=adaptation(), headers=key).status_code == 202


def test_full_queue_is_refused_and_leaves_no_open_job(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.queue, "_max_waiting", 1)
    service.adapt()

    response = service.http.post("/adapt", json=adaptation())

    problem(response, 429)
    assert int(response.headers["retry-after"]) > 0
    statuses = [job["status"] for job in service.http.get("/jobs").json()["jobs"]]
    assert sorted(statuses) == ["failed", "queued"]


def test_adapt_is_unavailable_without_a_base(fresh: Service) -> None:
    refusal = problem(fresh.http.post("/adapt", json=adaptation()), 503)

    assert "POST /pretrain" in refusal["detail"]


def test_adapt_accepts_a_named_base(service: Service) -> None:
    source = service.store.checkpoints.manifest(
        service.store.jobs.load(service.adapt()["job_id"]).task, "base-en"
    )
    service.make_checkpoint("another", languages=("en",), datasets=source.dataset_ids)

    accepted = service.adapt(base="another")

    request = service.store.jobs.load(accepted["job_id"]).request
    assert isinstance(request, AdaptJob)
    assert request.base_id == "another"


def test_extend_labels_accepts_new_labels(service: Service) -> None:
    examples = [*few_shot(), example(intent="music/play", slots=())]

    details = faults(service.refused(422, adaptation(examples=examples)))
    accepted = service.adapt(examples=examples, extend_labels=True)

    assert "extend_labels" in details[f"/examples/{len(examples) - 1}/intent"]
    assert service.store.jobs.load(accepted["job_id"]).status is JobStatus.QUEUED


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"method": "x-metra", "seed": 1}, "/seed"),
        ({"baselines": ["x-metra-ada"]}, "/baselines"),
        ({"baselines": ["ft", "ft"]}, "/baselines"),
        ({"evaluation": {}}, "/evaluation/fraction"),
        ({"evaluation": {"fraction": 0.2, "dataset": "abc"}}, "/evaluation/fraction"),
        ({"evaluation": {"fraction": 1.5}}, "/evaluation/fraction"),
        ({"dataset": "abc"}, "/dataset"),
        ({"examples": None}, "/dataset"),
        ({"examples": []}, "/examples"),
        ({"hyperparameters": {"meta": {"inner_steps": 0}}}, "/hyperparameters/meta/inner_steps"),
        ({"promote": "perhaps"}, "/promote"),
        ({"task": "ner"}, "/task"),
    ],
)
def test_contradictory_request_is_refused_with_its_place(
    service: Service, fields: dict[str, object], place: str
) -> None:
    assert place in faults(service.refused(422, adaptation(**fields)))
