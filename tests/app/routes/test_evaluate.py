import json
from pathlib import Path
from typing import Any

import pytest

from core.contracts.examples import MtodExample
from core.contracts.values import MTOD
from tests.app.service import INTENTS, Service, example, faults, few_questions, problem, question, running

FIRST, SECOND = INTENTS[:2]
"""The stand-in model always predicts the first intent, and the first word as a `location`."""

EXAMPLES = [
    example("uno dos", FIRST, (("location", 0, 3),)),  # right
    example("tres cuatro", SECOND, (("location", 0, 4),)),  # wrong intent
    example("cinco seis", FIRST, (("location", 6, 10),)),  # wrong slot
    example("siete", FIRST, ()),  # a slot too many
]
SCORES = {"examples": 4, "intent_accuracy": 0.75, "exact_match": 0.25}
SLOT_F1 = 2 * 2 / (3 + 4)


def evaluation(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


def test_evaluate_scores_the_model_that_serves(service: Service) -> None:
    body = {"language": "es", "examples": EXAMPLES}
    result = evaluation(service.http.post("/evaluate", json=body))
    assert (result["task"], result["checkpoint_id"], result["adapted"]) == (MTOD, "base-en", False)
    assert SCORES.items() <= result["evaluation"].items()
    assert result["evaluation"]["slot_f1"] == pytest.approx(SLOT_F1)


def test_evaluate_scores_a_named_checkpoint(service: Service) -> None:
    service.adapt_to("es", "es-1")
    body = {"language": "es", "examples": EXAMPLES, "checkpoint": "base-en"}
    assert evaluation(service.http.post("/evaluate", json=body))["checkpoint_id"] == "base-en"
    result = evaluation(service.http.post("/evaluate", json={**body, "checkpoint": None}))
    assert (result["checkpoint_id"], result["adapted"]) == ("es-1", True)


def test_evaluate_reads_a_file(service: Service) -> None:
    lines = "".join(f"{json.dumps(line)}\n" for line in EXAMPLES)
    response = service.http.post(
        "/evaluate", data={"language": "es"}, files={"examples": ("es.jsonl", lines)}
    )
    assert SCORES.items() <= evaluation(response)["evaluation"].items()


def test_evaluate_reads_a_stored_dataset(service: Service) -> None:
    examples = [MtodExample.model_validate(line) for line in EXAMPLES]
    dataset = service.store.datasets.put(examples, task=MTOD, language="es").dataset_id
    response = service.http.post("/evaluate", json={"language": "es", "dataset": dataset})
    assert SCORES.items() <= evaluation(response)["evaluation"].items()


def test_evaluate_scores_answers_to_questions(service: Service) -> None:
    service.make_qa_base()
    examples = [
        question("¿Cuál?", "Lima es la capital", (("Lima", 0),)),
        question("¿Dónde?", "Está en Oslo", (("Oslo", 8),)),
    ]
    body = {"task": "qa", "language": "es", "examples": examples}
    result = evaluation(service.http.post("/evaluate", json=body))
    assert result["evaluation"] == {"examples": 2, "exact_match": 0.5, "f1": 0.5}


def test_evaluate_predicts_in_batches_that_one_request_may_hold(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path, max_utterances=3) as service:
        service.make_base()
        body = {"language": "es", "examples": EXAMPLES}
        assert SCORES.items() <= evaluation(service.http.post("/evaluate", json=body))["evaluation"].items()
        assert [len(batch) for batch in service.loader.models["base-en"].batches] == [3, 1]


def test_evaluate_reports_a_text_that_is_too_long_at_its_place(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path, max_utterances=2) as service:
        service.make_base()
        long = example("palabra " * 120, FIRST, ())
        body = {"language": "es", "examples": [*EXAMPLES[:3], long]}
        assert list(faults(service.refused(422, body, "/evaluate"))) == ["/examples/3"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, {"language": "es"}),
        (422, {"language": "nowhere", "examples": EXAMPLES}),
        (422, {"task": "tts", "language": "es", "examples": EXAMPLES}),
        (404, {"language": "es", "dataset": "absent"}),
        (404, {"language": "es", "examples": EXAMPLES, "checkpoint": "absent"}),
        (503, {"task": "qa", "language": "es", "examples": few_questions(2)}),
    ],
)
def test_evaluate_refuses_what_cannot_be_measured(
    service: Service, status: int, body: dict[str, Any]
) -> None:
    service.refused(status, body, "/evaluate")


def test_evaluate_refuses_a_dataset_of_another_task(service: Service) -> None:
    examples = [MtodExample.model_validate(line) for line in EXAMPLES]
    dataset = service.store.datasets.put(examples, task=MTOD, language="es").dataset_id
    body = {"task": "qa", "language": "es", "dataset": dataset}
    assert "is for the task mtod" in service.refused(409, body, "/evaluate")["detail"]


def test_evaluate_counts_towards_the_rate_of_predictions(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path, predict_items_per_minute=5) as service:
        service.make_base()
        body = {"language": "es", "examples": EXAMPLES}
        evaluation(service.http.post("/evaluate", json=body))
        problem(service.http.post("/evaluate", json=body), 429)
