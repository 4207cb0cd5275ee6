import json

import pytest

from core.contracts.jobs import AdaptJob, JobStatus
from core.contracts.values import Method, Promotion
from tests.app.service import Service, adaptation, example, faults, few_shot, problem


def test_an_adaptation_is_queued_and_says_where_to_look(service: Service) -> None:
    response = service.http.post("/adapt", json=adaptation())

    assert response.status_code == 202
    accepted = response.json()
    assert accepted["status"] == "queued"
    assert accepted["queue_position"] == 1
    assert isinstance(accepted["checks"]["warnings"], list)
    assert response.headers["location"] == f"/jobs/{accepted['job_id']}"


def test_the_worker_finds_record_dataset_and_plan(service: Service) -> None:
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


def test_later_jobs_wait_behind_earlier_ones(service: Service) -> None:
    assert [service.adapt()["queue_position"] for _ in range(3)] == [1, 2, 3]


def test_a_stored_dataset_can_be_named(service: Service) -> None:
    stored = service.http.post("/datasets", json={"language": "es", "examples": few_shot()}).json()

    accepted = service.adapt(examples=None, dataset=stored["dataset_id"])

    request = service.store.jobs.load(accepted["job_id"]).request
    assert request.dataset_id == stored["dataset_id"]


def test_evaluation_examples_are_stored_too(service: Service) -> None:
    accepted = service.adapt(evaluation={"examples": [example()]})

    request = service.store.jobs.load(accepted["job_id"]).request
    assert request.evaluation_dataset_id is not None
    assert service.store.datasets.manifest(request.evaluation_dataset_id).examples == 1


def test_a_dry_run_plans_and_writes_nothing(service: Service) -> None:
    response = service.http.post("/adapt", json=adaptation(dry_run=True))

    assert response.status_code == 200
    told = response.json()
    assert told["plan"]["method"] == "x-metra-ada"
    assert [stage["name"] for stage in told["plan"]["stages"]] == ["meta-train", "meta-adapt"]
    assert told["plan"]["train"] + told["plan"]["evaluation"] == len(few_shot())
    assert service.http.get("/jobs").json()["jobs"] == []
    assert service.queue.waiting() == 0


def test_a_plan_warns_of_what_a_person_should_know(service: Service) -> None:
    examples = few_shot()
    told = service.http.post(
        "/adapt", json=adaptation(dry_run=True, evaluation={"examples": examples[:2]})
    ).json()

    assert any("among the training examples" in warning for warning in told["checks"]["warnings"])


def test_a_file_is_taken_with_the_fields_beside_it(service: Service) -> None:
    lines = "\n".join(json.dumps(one) for one in few_shot())

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


def test_the_fields_beside_a_file_may_be_one_json_field(service: Service) -> None:
    lines = "\n".join(json.dumps(one) for one in few_shot()).encode()

    response = service.http.post(
        "/adapt",
        data={"request": json.dumps({"language": "es", "method": "ft", "dry_run": True})},
        files={"examples": ("es.jsonl", lines), "evaluation": ("held.jsonl", lines)},
    )

    assert response.status_code == 200, response.text
    assert response.json()["plan"]["evaluation"] == len(few_shot())


def test_an_mtod_table_is_told_by_its_content(service: Service) -> None:
    hours = ("seis", "ocho", "doce", "once", "tres", "diez")
    rows = "".join(
        f"alarm/set_alarm\t15:{21 + len(hour)}:datetime\tpon una alarma a las {hour}\tes_XX\t\n"
        for hour in hours
    )

    response = service.http.post(
        "/adapt", data={"language": "es", "dry_run": "true"}, files={"examples": rows}
    )

    assert response.status_code == 200, response.text


def test_a_repeat_under_one_key_gets_the_first_answer_and_no_second_job(service: Service) -> None:
    key = {"Idempotency-Key": "monday-1"}
    first = service.http.post("/adapt", json=adaptation(), headers=key)
    second = service.http.post("/adapt", json=adaptation(), headers=key)

    assert second.status_code == 202
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]
    assert service.queue.waiting() == 1


def test_a_key_used_for_another_request_is_a_conflict(service: Service) -> None:
    key = {"Idempotency-Key": "monday-1"}
    service.http.post("/adapt", json=adaptation(), headers=key)

    told = problem(service.http.post("/adapt", json=adaptation(method="ft"), headers=key), 409)

    assert "Idempotency-Key" in told["detail"]


def test_a_key_can_be_tried_again_after_a_failure(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    key = {"Idempotency-Key": "monday-1"}
    with monkeypatch.context() as patch:
        patch.setattr(service.queue, "_max_waiting", 0)
        problem(service.http.post("/adapt", json=adaptation(), headers=key), 429)

    assert service.http.post("/adapt", json=adaptation(), headers=key).status_code == 202


def test_a_full_queue_says_when_to_come_back_and_leaves_no_job_waiting(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.queue, "_max_waiting", 1)
    service.adapt()

    response = service.http.post("/adapt", json=adaptation())

    problem(response, 429)
    assert int(response.headers["retry-after"]) > 0
    statuses = [job["status"] for job in service.http.get("/jobs").json()["jobs"]]
    assert sorted(statuses) == ["failed", "queued"]


def test_without_a_base_nothing_can_be_adapted_yet(fresh: Service) -> None:
    told = problem(fresh.http.post("/adapt", json=adaptation()), 503)

    assert "POST /pretrain" in told["detail"]


def test_a_base_can_be_named(service: Service) -> None:
    source = service.store.checkpoints.manifest(
        service.store.jobs.load(service.adapt()["job_id"]).task, "base-en"
    )
    service.make_checkpoint("another", languages=("en",), datasets=source.dataset_ids)

    accepted = service.adapt(base="another")

    request = service.store.jobs.load(accepted["job_id"]).request
    assert isinstance(request, AdaptJob)
    assert request.base_id == "another"


def test_new_labels_are_taken_when_they_are_announced(service: Service) -> None:
    examples = [*few_shot(), example(intent="music/play", slots=())]

    told = faults(service.refused(422, adaptation(examples=examples)))
    accepted = service.adapt(examples=examples, extend_labels=True)

    assert "extend_labels" in told[f"/examples/{len(examples) - 1}/intent"]
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
def test_a_request_that_makes_no_sense_is_told_where(
    service: Service, fields: dict[str, object], place: str
) -> None:
    assert place in faults(service.refused(422, adaptation(**fields)))
