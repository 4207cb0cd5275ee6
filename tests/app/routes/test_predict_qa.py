from app.schemas.limits import DEFAULTS
from core.contracts.values import QA
from tests.app.service import Json, Service, faults, problem

CONTEXT = "Kisima kilichimbwa mwaka 1962."


def ask(service: Service, *questions: Json, **fields: Json) -> Json:
    """Answer questions and return the response."""
    response = service.http.post("/predict/qa", json={"questions": list(questions), **fields})
    assert response.status_code == 200, response.text
    return response.json()


def on(context: str = CONTEXT, **fields: Json) -> Json:
    return {"question": "Lini?", "context": context, **fields}


def test_predict_qa_returns_answers_from_the_context(service: Service) -> None:
    service.make_qa_base()
    response = ask(service, on(id="q1"), language="sw", top_k=2)
    assert response["predictions"] == [
        {
            "id": "q1",
            "language": "sw",
            "answers": [
                {"text": "Kisima", "start": 0, "end": 6, "score": 0.5},
                {"text": "kilichimbwa", "start": 7, "end": 18, "score": 0.333},
            ],
            "adapted": False,
        }
    ]
    assert response["checkpoints"] == {"sw": "qa-base-en"}
    assert response["usage"]["tokens"] == 4


def test_predict_qa_uses_the_model_of_each_language_and_keeps_the_order(service: Service) -> None:
    service.make_qa_base()
    service.adapt_to("sw", "qa-sw", QA)
    response = ask(service, on("a b"), on("c d", language="ko"), on("e f"), language="sw", top_k=1)
    assert [prediction["answers"][0]["text"] for prediction in response["predictions"]] == ["a", "c", "e"]
    assert [prediction["adapted"] for prediction in response["predictions"]] == [True, False, True]
    assert response["checkpoints"] == {"sw": "qa-sw", "ko": "qa-base-en"}
    assert service.loader.models["qa-sw"].batches == [[("Lini?", "a b"), ("Lini?", "e f")]]


def test_predict_qa_has_its_own_base(service: Service) -> None:
    refused = service.http.post("/predict/qa", json={"questions": [on()], "language": "sw"})
    assert "there is no base for qa yet" in problem(refused, 503)["detail"]


def test_predict_qa_reports_the_place_of_a_long_question(service: Service) -> None:
    service.make_qa_base()
    long = on(question="neno " * 101)
    body = {"questions": [on(), long, on(language="th"), {**long, "language": "th"}], "language": "sw"}
    details = faults(problem(service.http.post("/predict/qa", json=body), 422))
    assert set(details) == {"/questions/1/question", "/questions/3/question"}


def test_predict_qa_reports_every_fault(service: Service) -> None:
    body = {"questions": [on(""), {"question": "Lini?"}, on(id="x", extra=1)], "top_k": 0}
    details = faults(problem(service.http.post("/predict/qa", json=body), 422))
    assert set(details) == {
        "/questions/0/context",
        "/questions/1/context",
        "/questions/2/extra",
        "/top_k",
    }


def test_predict_qa_refuses_a_question_without_a_language(service: Service) -> None:
    service.make_qa_base()
    body = {"questions": [on(language="sw"), on()]}
    details = faults(problem(service.http.post("/predict/qa", json=body), 422))
    assert details == {"/questions/1": "no language: neither this one nor the request has one"}


def test_predict_qa_limits_the_total_length_of_contexts(service: Service) -> None:
    service.make_qa_base()
    long = "neno " * 20_000
    assert ask(service, on(long), language="sw")["predictions"][0]["answers"]
    many = [on(long)] * (DEFAULTS.max_context_characters // len(long) + 1)
    details = faults(
        problem(service.http.post("/predict/qa", json={"questions": many, "language": "sw"}), 422)
    )
    assert "characters together" in details["/questions"]
    crowd = {"questions": [on()] * (DEFAULTS.max_questions + 1), "language": "sw"}
    problem(service.http.post("/predict/qa", json=crowd), 413)


def test_predict_qa_refuses_a_checkpoint_of_utterances(service: Service) -> None:
    service.make_qa_base()
    body = {"questions": [on()], "language": "sw", "checkpoint": "base-en"}
    problem(service.http.post("/predict/qa", json=body), 404)
