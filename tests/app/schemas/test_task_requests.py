from typing import Any

import pytest
from pydantic import ValidationError

from app.schemas.limits import Limits
from app.schemas.prediction import predict_request
from app.schemas.responses import predictions_response
from app.schemas.task_requests import adapt_requests, dataset_requests, evaluate_requests, pretrain_requests
from core.contracts.hyperparameters import QaHyperparameters, QaPretrainSettings
from core.contracts.task_options import LabelOptions, NeighbourOptions
from core.contracts.values import MTOD, QA
from core.tasks.registry import task_spec, task_specs

KINDS: dict[str, Any] = {
    "dataset": dataset_requests,
    "pretrain": pretrain_requests,
    "adapt": adapt_requests,
    "evaluate": evaluate_requests,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_task_has_a_request_of_each_kind(kind: str) -> None:
    requests = KINDS[kind]()
    assert list(requests) == [spec.name for spec in task_specs()]
    assert KINDS[kind]() == requests  # the same classes again, for FastAPI describes them once


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", [MTOD, QA])
def test_request_accepts_the_example_of_its_description(kind: str, task: str) -> None:
    model = KINDS[kind]()[task]
    (sample,) = model.model_json_schema()["examples"]
    assert model.model_validate(sample).task == task


def test_request_without_a_task_is_one_of_utterances() -> None:
    examples = [dict(task_spec(MTOD).sample)]
    assert adapt_requests()[MTOD].model_validate({"language": "es", "examples": examples}).task == MTOD
    with pytest.raises(ValidationError, match="task"):
        adapt_requests()[QA].model_validate({"language": "es", "dataset": "d"})


@pytest.mark.parametrize(
    ("task", "fields", "options"),
    [
        (MTOD, {}, LabelOptions()),
        (MTOD, {"extend_labels": True}, LabelOptions(extend_labels=True)),
        (QA, {"similarity": "embedded-en"}, NeighbourOptions(similarity="embedded-en")),
    ],
)
def test_adapt_request_has_the_options_of_its_task(task: str, fields: dict[str, Any], options: Any) -> None:
    document = {"task": task, "language": "es", "dataset": "d", **fields}
    assert adapt_requests()[task].model_validate(document).options() == options


def test_requests_have_the_settings_of_their_task() -> None:
    document = {"task": QA, "language": "es", "dataset": "d"}
    assert adapt_requests()[QA].model_validate(document).hyperparameters == QaHyperparameters()
    document = {"task": QA, "source_language": "en", "dataset": "d"}
    assert pretrain_requests()[QA].model_validate(document).settings == QaPretrainSettings()


def test_evaluate_request_needs_examples_or_a_dataset() -> None:
    with pytest.raises(ValidationError, match="exactly one of examples, dataset"):
        evaluate_requests()[MTOD].model_validate({"language": "es"})


@pytest.mark.parametrize("task", [MTOD, QA])
def test_predict_request_accepts_the_example_of_its_description(task: str) -> None:
    model = predict_request(task)
    (sample,) = model.model_json_schema()["examples"]
    assert len(getattr(model.model_validate(sample), task_spec(task).inputs_field)) == len(
        task_spec(task).sample_inputs
    )


def test_predict_request_expands_the_shorthand_of_an_utterance() -> None:
    request = predict_request(MTOD).model_validate({"utterances": ["hola"], "language": "es"})
    assert [utterance.text for utterance in getattr(request, "utterances")] == ["hola"]  # noqa: B009


def test_predict_request_bounds_the_characters_of_all_contexts() -> None:
    questions = [{"question": "?", "context": "x" * 6}] * 2
    with pytest.raises(ValidationError, match="the contexts have 12 characters together; the limit is 10"):
        predict_request(QA).model_validate(
            {"questions": questions}, context=Limits(max_context_characters=10)
        )


def test_predictions_response_holds_the_predictions_of_its_task() -> None:
    schema = predictions_response(QA).model_json_schema()
    assert schema["properties"]["predictions"]["items"] == {"$ref": "#/$defs/QaPrediction"}
