"""Limits of requests, as settings."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.schemas.limits import DEFAULTS, Limits
from app.schemas.prediction import predict_request
from app.settings import Settings
from tests.app.service import adaptation, example, few_shot, problem, qa_adaptation, question, running

UTTERANCES = {"utterances": ["hola"] * 3, "language": "es"}
QUESTIONS = {"questions": [{"question": "¿?", "context": "abcde"}] * 3, "language": "es"}


@pytest.mark.parametrize(
    ("limit", "path", "body", "place"),
    [
        ("max_utterances", "/predict/mtod", UTTERANCES, "/utterances"),
        ("max_questions", "/predict/qa", QUESTIONS, "/questions"),
        ("max_examples", "/adapt", adaptation(examples=[example()] * 3), "/examples"),
        ("max_examples", "/adapt", qa_adaptation(examples=[question()] * 3), "/examples"),
        (
            "max_source_examples",
            "/adapt",
            adaptation(examples=[example()], evaluation={"examples": [example()] * 3}),
            "/evaluation/examples",
        ),
        ("max_source_examples", "/datasets", {"language": "es", "examples": [example()] * 3}, "/examples"),
        (
            "max_source_examples",
            "/pretrain",
            {"source_language": "es", "examples": [example()] * 3},
            "/examples",
        ),
    ],
)
def test_list_over_its_limit_is_refused_with_the_limit(
    redis_url: str, tmp_path: Path, limit: str, path: str, body: Any, place: str
) -> None:
    with running(redis_url, tmp_path, **{limit: 2}) as service:
        refusal = service.refused(413, body, path)

    assert refusal["detail"] == f"{place} has 3 entries; the limit is 2"


def test_file_over_its_limit_is_refused(redis_url: str, tmp_path: Path) -> None:
    lines = '{"text": "hola", "intent": "greet"}\n' * 3
    with running(redis_url, tmp_path, max_source_examples=2) as service:
        response = service.http.post(
            "/datasets",
            data={"language": "es"},
            files={"examples": ("es.jsonl", lines)},
        )

    assert problem(response, 413)["detail"] == "/examples has 3 entries; the limit is 2"


def test_contexts_over_their_limit_are_refused_with_the_limit(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path, max_context_characters=14) as service:
        refusal = service.refused(422, QUESTIONS, "/predict/qa")

    assert "the contexts have 15 characters together; the limit is 14" in refusal["detail"]


def test_limit_can_be_raised(redis_url: str, tmp_path: Path) -> None:
    many = {"utterances": ["hola"] * (DEFAULTS.max_utterances + 1), "language": "es"}
    with running(redis_url, tmp_path, max_utterances=1_000) as service:
        service.make_base()
        assert service.http.post("/predict/mtod", json=many).status_code == 200


def test_list_at_its_limit_is_accepted(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path, max_utterances=3, max_examples=len(few_shot())) as service:
        service.make_base()
        assert service.http.post("/predict/mtod", json=UTTERANCES).status_code == 200
        service.adapt()


def test_openapi_has_the_limits_of_the_settings(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path, max_utterances=3, max_examples=7) as service:
        schemas = service.http.get("/openapi.json").json()["components"]["schemas"]

    utterances = schemas["MtodPredictRequest"]["properties"]["utterances"]
    assert (utterances["maxItems"], utterances["x-limit"]) == (3, "max_utterances")
    examples = schemas["MtodAdaptRequest"]["properties"]["examples"]["anyOf"][0]
    assert (examples["maxItems"], examples["x-limit"]) == (7, "max_examples")


def test_request_outside_of_a_service_has_the_default_limits() -> None:
    too_many = {"utterances": ["hola"] * (DEFAULTS.max_utterances + 1)}

    with pytest.raises(ValidationError, match="at most 256 items"):
        predict_request("mtod").model_validate(too_many)


def test_limits_are_settings_with_the_same_defaults() -> None:
    assert Limits.of(Settings()) == DEFAULTS
    assert {limit.name for limit in fields(Limits)} <= set(Settings.model_fields)
