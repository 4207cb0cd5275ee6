"""The generated response models: they are up to date, and lenient with what a newer service answers."""

import importlib.util
import json
from types import ModuleType
from typing import Any

import pytest

from tests.app.fake_service import evaluation
from tests.repository import ROOT
from xmetra_client.models import Candidate, MtodEvaluation, OtherTaskValue, Progress


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """The script that generates the models; it is not part of the package."""
    spec = importlib.util.spec_from_file_location("generate_models", ROOT / "client" / "generate_models.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_models_are_those_of_the_openapi_description(generator: ModuleType) -> None:
    description = json.loads(generator.DESCRIPTION.read_text(encoding="utf-8"))

    generated = generator.generate_models(description)

    assert generated == generator.MODELS.read_text(encoding="utf-8"), "run: make openapi"


def test_evaluation_of_an_unknown_task_keeps_its_fields() -> None:
    candidate = Candidate.model_validate({"name": "ft", "evaluation": {"examples": 3, "span_f1": 0.5}})

    assert isinstance(candidate.evaluation, OtherTaskValue)
    assert candidate.evaluation.model_dump() == {"examples": 3, "span_f1": 0.5}


def test_evaluation_of_a_known_task_has_its_model() -> None:
    document: dict[str, Any] = evaluation(0.5, 0.25).model_dump()
    candidate = Candidate.model_validate({"name": "ft", "evaluation": {**document, "new_figure": 1.0}})

    assert isinstance(candidate.evaluation, MtodEvaluation)
    assert candidate.evaluation.slot_f1 == 0.25


def test_models_ignore_unknown_fields_and_are_immutable() -> None:
    progress = Progress.model_validate({"percent": 5.0, "colour": "blue"})

    assert "colour" not in progress.model_dump()
    with pytest.raises(ValueError, match="frozen"):
        progress.percent = 6.0  # type: ignore[misc]
