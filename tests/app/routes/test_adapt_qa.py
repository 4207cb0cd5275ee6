import json

from core.contracts.hyperparameters import QaHyperparameters, QaPretrainSettings
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.task_options import NeighbourOptions
from core.contracts.values import QA
from tests.app.service import (
    Json,
    Service,
    adaptation,
    faults,
    few_questions,
    few_shot,
    problem,
    qa_adaptation,
    question,
)


def queued(service: Service, answer: Json) -> AdaptJob | PretrainJob:
    """Return the job that was queued."""
    return service.store.jobs.load(answer["job_id"]).request


def squad(examples: list[Json]) -> bytes:
    """Return questions as a SQuAD file."""
    paragraphs = [
        {
            "context": example["context"],
            "qas": [{"id": str(number), "question": example["question"], "answers": example["answers"]}],
        }
        for number, example in enumerate(examples)
    ]
    return json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]}).encode()


def test_adapt_qa_has_the_default_settings_of_questions(service: Service) -> None:
    service.make_qa_base()
    response = service.http.post("/adapt", json=qa_adaptation(similarity="embedded-en"))
    assert response.status_code == 202, response.text
    job = queued(service, response.json())
    assert isinstance(job, AdaptJob)
    assert (job.task, job.base_id, job.options) == (
        QA,
        "qa-base-en",
        NeighbourOptions(similarity="embedded-en"),
    )
    assert job.hyperparameters.model_dump() == QaHyperparameters().model_dump()
    assert [stored.question for stored in service.store.datasets.load(job.dataset_id)] == [
        stored["question"] for stored in few_questions()
    ]


def test_adapt_qa_keeps_the_other_defaults_when_one_setting_is_given(service: Service) -> None:
    service.make_qa_base()
    body = qa_adaptation(hyperparameters={"fine_tune": {"epochs": 2}})
    job = queued(service, service.http.post("/adapt", json=body).json())
    assert isinstance(job, AdaptJob)
    assert job.hyperparameters.fine_tune.epochs == 2
    assert job.hyperparameters.fine_tune.batch_size == QaHyperparameters().fine_tune.batch_size


def test_adapt_qa_accepts_a_squad_file(service: Service) -> None:
    service.make_qa_base()
    files = {"examples": ("sw.json", squad(few_questions()))}
    response = service.http.post("/adapt", data={"task": "qa", "language": "sw"}, files=files)
    assert response.status_code == 202, response.text
    job = queued(service, response.json())
    assert isinstance(job, AdaptJob)
    assert len(service.store.datasets.load(job.dataset_id)) == 12


def test_faults_of_a_squad_file_name_article_paragraph_and_question(service: Service) -> None:
    service.make_qa_base()
    wrong = [question(), question(answers=(("1987", 3),)), question(answers=(("nunca", 0),))]
    files = {"examples": ("es.json", squad(wrong)), "evaluation": ("held.json", squad(wrong[1:2]))}
    data = {"task": "qa", "language": "es", "method": "none"}
    details = faults(problem(service.http.post("/adapt", data=data, files=files), 422))
    assert {"/method", "/data/0/paragraphs/1/qas/0/answers/0"} <= set(details)
    assert any(place.startswith("evaluation /data/0/paragraphs/0") for place in details)
    assert "question 1" in details["/data/0/paragraphs/1/qas/0/answers/0"]
    assert "first occurs at 34" in details["/data/0/paragraphs/1/qas/0/answers/0"]


def test_utterances_in_a_file_of_questions_are_recognised(service: Service) -> None:
    service.make_qa_base()
    lines = "\n".join(json.dumps(example) for example in few_shot()).encode()
    response = service.http.post(
        "/adapt", data={"task": "qa", "language": "es"}, files={"examples": ("es.jsonl", lines)}
    )
    assert "these are labelled utterances" in json.dumps(problem(response, 422)["errors"])


def test_dry_run_of_questions_plans_episodes(service: Service) -> None:
    service.make_qa_base()
    response = service.http.post("/adapt", json=qa_adaptation(dry_run=True))
    plan = response.json()["plan"]
    assert [stage["name"] for stage in plan["stages"]] == ["meta-train", "meta-adapt"]
    assert any("fewer than 40 training questions" in warning for warning in plan["warnings"])


def test_adapt_qa_refuses_a_dataset_of_utterances(service: Service) -> None:
    service.make_qa_base()
    stored = service.http.post("/datasets", json={"language": "es", "examples": few_shot()}).json()
    body = qa_adaptation(examples=None, dataset=stored["dataset_id"])
    details = faults(problem(service.http.post("/adapt", json=body), 422))
    assert details["/dataset"] == "this dataset is for the task mtod, not for qa"


def test_questions_are_stored_by_their_content(service: Service) -> None:
    body = {"task": "qa", "language": "es", "examples": few_questions(4)}
    stored = service.http.post("/datasets", json=body).json()
    again = service.http.get(f"/datasets/{stored['dataset_id']}").json()
    assert (again["task"], again["examples"], again["intents"]) == ("qa", 4, {})


def test_pretrain_qa_has_the_default_settings_of_questions(service: Service) -> None:
    body = {"task": "qa", "source_language": "en", "examples": few_questions(30)}
    job = queued(service, service.http.post("/pretrain", json=body).json())
    assert isinstance(job, PretrainJob)
    assert job.settings.model_dump() == QaPretrainSettings().model_dump()


def test_options_of_one_task_are_unknown_fields_of_another(service: Service) -> None:
    service.make_qa_base()
    details = faults(service.refused(422, qa_adaptation(extend_labels=True)))
    assert details == {"/extend_labels": "is not a known field"}
    details = faults(service.refused(422, adaptation(similarity="embedded")))
    assert details == {"/similarity": "is not a known field"}
