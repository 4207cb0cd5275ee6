import json

from core.contracts.hyperparameters import QaHyperparameters, QaPretrainSettings
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.values import TaskName
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
            "context": one["context"],
            "qas": [{"id": str(number), "question": one["question"], "answers": one["answers"]}],
        }
        for number, one in enumerate(examples)
    ]
    return json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]}).encode()


def test_questions_are_queued_with_the_settings_of_questions(service: Service) -> None:
    service.make_qa_base()
    response = service.http.post("/adapt", json=qa_adaptation(similarity="embedded-en"))
    assert response.status_code == 202, response.text
    job = queued(service, response.json())
    assert isinstance(job, AdaptJob)
    assert (job.task, job.base_id, job.similarity) == (TaskName.QA, "qa-base-en", "embedded-en")
    assert job.hyperparameters.model_dump() == QaHyperparameters().model_dump()
    assert [one.question for one in service.store.datasets.load(job.dataset_id)] == [
        one["question"] for one in few_questions()
    ]


def test_a_setting_that_is_given_leaves_the_others_as_they_are_for_questions(service: Service) -> None:
    service.make_qa_base()
    asked = qa_adaptation(hyperparameters={"fine_tune": {"epochs": 2}})
    job = queued(service, service.http.post("/adapt", json=asked).json())
    assert isinstance(job, AdaptJob)
    assert job.hyperparameters.fine_tune.epochs == 2
    assert job.hyperparameters.fine_tune.batch_size == QaHyperparameters().fine_tune.batch_size


def test_a_squad_file_is_taken(service: Service) -> None:
    service.make_qa_base()
    files = {"examples": ("sw.json", squad(few_questions()))}
    response = service.http.post("/adapt", data={"task": "qa", "language": "sw"}, files=files)
    assert response.status_code == 202, response.text
    job = queued(service, response.json())
    assert isinstance(job, AdaptJob)
    assert len(service.store.datasets.load(job.dataset_id)) == 12


def test_faults_of_a_squad_file_are_told_by_article_paragraph_and_question(service: Service) -> None:
    service.make_qa_base()
    wrong = [question(), question(answers=(("1987", 3),)), question(answers=(("nunca", 0),))]
    files = {"examples": ("es.json", squad(wrong)), "evaluation": ("held.json", squad(wrong[1:2]))}
    data = {"task": "qa", "language": "es", "method": "none"}
    told = faults(problem(service.http.post("/adapt", data=data, files=files), 422))
    assert {"/method", "/data/0/paragraphs/1/qas/0/answers/0"} <= set(told)
    assert any(place.startswith("evaluation /data/0/paragraphs/0") for place in told)
    assert "question 1" in told["/data/0/paragraphs/1/qas/0/answers/0"]
    assert "first occurs at 34" in told["/data/0/paragraphs/1/qas/0/answers/0"]


def test_utterances_given_as_questions_are_told_what_they_are(service: Service) -> None:
    service.make_qa_base()
    lines = "\n".join(json.dumps(one) for one in few_shot()).encode()
    response = service.http.post(
        "/adapt", data={"task": "qa", "language": "es"}, files={"examples": ("es.jsonl", lines)}
    )
    assert "these are labelled utterances" in json.dumps(problem(response, 422)["errors"])


def test_a_dry_run_tells_the_episodes(service: Service) -> None:
    service.make_qa_base()
    response = service.http.post("/adapt", json=qa_adaptation(dry_run=True))
    plan = response.json()["plan"]
    assert [stage["name"] for stage in plan["stages"]] == ["meta-train", "meta-adapt"]
    assert any("fewer than 40 training questions" in one for one in plan["warnings"])


def test_a_dataset_of_utterances_cannot_teach_answers(service: Service) -> None:
    service.make_qa_base()
    stored = service.http.post("/datasets", json={"language": "es", "examples": few_shot()}).json()
    asked = qa_adaptation(examples=None, dataset=stored["dataset_id"])
    told = faults(problem(service.http.post("/adapt", json=asked), 422))
    assert told["/dataset"] == "this dataset is for the task mtod, not for qa"


def test_questions_are_stored_and_found_again(service: Service) -> None:
    body = {"task": "qa", "language": "es", "examples": few_questions(4)}
    stored = service.http.post("/datasets", json=body).json()
    again = service.http.get(f"/datasets/{stored['dataset_id']}").json()
    assert (again["task"], again["examples"], again["intents"]) == ("qa", 4, {})


def test_a_base_of_questions_has_the_settings_of_questions(service: Service) -> None:
    body = {"task": "qa", "source_language": "en", "examples": few_questions(30)}
    job = queued(service, service.http.post("/pretrain", json=body).json())
    assert isinstance(job, PretrainJob)
    assert job.settings.model_dump() == QaPretrainSettings().model_dump()


def test_labels_are_no_field_of_questions_and_similarity_none_of_utterances(service: Service) -> None:
    service.make_qa_base()
    told = faults(service.refused(422, qa_adaptation(extend_labels=True)))
    assert told == {"/extend_labels": "is not a field that is known here"}
    told = faults(service.refused(422, adaptation(similarity="embedded")))
    assert told == {"/similarity": "is not a field that is known here"}
