from app.schemas.limits import DEFAULTS
from core.contracts.values import TaskName
from tests.app.service import Json, Service, faults, problem

CONTEXT = "Kisima kilichimbwa mwaka 1962."


def ask(service: Service, *questions: Json, **fields: Json) -> Json:
    """Ask questions and return what was answered."""
    response = service.http.post("/predict/qa", json={"questions": list(questions), **fields})
    assert response.status_code == 200, response.text
    return response.json()


def on(context: str = CONTEXT, **fields: Json) -> Json:
    return {"question": "Lini?", "context": context, **fields}


def test_a_question_is_answered_from_its_context(service: Service) -> None:
    service.make_qa_base()
    told = ask(service, on(id="q1"), language="sw", top_k=2)
    assert told["predictions"] == [
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
    assert told["checkpoints"] == {"sw": "qa-base-en"}
    assert told["usage"]["tokens"] == 4


def test_each_question_goes_to_the_model_of_its_language_and_the_order_is_kept(service: Service) -> None:
    service.make_qa_base()
    service.adapt_to("sw", "qa-sw", TaskName.QA)
    told = ask(service, on("a b"), on("c d", language="ko"), on("e f"), language="sw", top_k=1)
    assert [one["answers"][0]["text"] for one in told["predictions"]] == ["a", "c", "e"]
    assert [one["adapted"] for one in told["predictions"]] == [True, False, True]
    assert told["checkpoints"] == {"sw": "qa-sw", "ko": "qa-base-en"}
    assert service.loader.models["qa-sw"].batches == [[("Lini?", "a b"), ("Lini?", "e f")]]


def test_utterances_and_questions_have_bases_of_their_own(service: Service) -> None:
    refused = service.http.post("/predict/qa", json={"questions": [on()], "language": "sw"})
    assert "there is no base for qa yet" in problem(refused, 503)["detail"]


def test_a_question_that_is_too_long_is_told_by_its_place(service: Service) -> None:
    service.make_qa_base()
    long = on(question="neno " * 101)
    body = {"questions": [on(), long, on(language="th"), {**long, "language": "th"}], "language": "sw"}
    told = faults(problem(service.http.post("/predict/qa", json=body), 422))
    assert set(told) == {"/questions/1/question", "/questions/3/question"}


def test_every_fault_is_told_at_once(service: Service) -> None:
    body = {"questions": [on(""), {"question": "Lini?"}, on(id="x", extra=1)], "top_k": 0}
    told = faults(problem(service.http.post("/predict/qa", json=body), 422))
    assert set(told) == {
        "/questions/0/context",
        "/questions/1/context",
        "/questions/2/extra",
        "/top_k",
    }


def test_a_question_without_a_language_is_refused(service: Service) -> None:
    service.make_qa_base()
    body = {"questions": [on(language="sw"), on()]}
    told = faults(problem(service.http.post("/predict/qa", json=body), 422))
    assert told == {"/questions/1": "no language: neither this one nor the request has one"}


def test_a_long_context_is_taken_and_too_many_of_them_are_not(service: Service) -> None:
    service.make_qa_base()
    long = "neno " * 20_000
    assert ask(service, on(long), language="sw")["predictions"][0]["answers"]
    many = [on(long)] * (DEFAULTS.max_context_characters // len(long) + 1)
    told = faults(problem(service.http.post("/predict/qa", json={"questions": many, "language": "sw"}), 422))
    assert "characters together" in told["/questions"]
    crowd = {"questions": [on()] * (DEFAULTS.max_questions + 1), "language": "sw"}
    problem(service.http.post("/predict/qa", json=crowd), 413)


def test_a_checkpoint_of_utterances_answers_no_question(service: Service) -> None:
    service.make_qa_base()
    body = {"questions": [on()], "language": "sw", "checkpoint": "base-en"}
    problem(service.http.post("/predict/qa", json=body), 404)
