from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from core import plugins
from core.contracts.evaluations import AnyEvaluation, MtodEvaluation, QaEvaluation
from core.contracts.jobs import AdaptJob
from core.contracts.task_options import LabelOptions, NeighbourOptions
from core.contracts.values import MTOD, QA, TaskName
from core.errors import NotFound
from core.plugins import GROUP
from core.tasks.registry import task_names, task_spec, task_specs
from tests.integration.ner.spec import NerEvaluation

NER = EntryPoint("ner", "tests.integration.ner.spec:SPEC", GROUP)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """Entry points that the registry finds installed; a test appends its own."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(
        plugins, "entry_points", lambda group: [point for point in points if point.group == group]
    )
    _clear()
    yield points
    _clear()


def _clear() -> None:
    plugins._entry_points.cache_clear()
    plugins.load_task.cache_clear()
    task_spec.cache_clear()
    task_specs.cache_clear()


def test_registry_has_the_built_in_tasks() -> None:
    assert task_names()[:2] == (MTOD, QA)
    assert [spec.name for spec in task_specs()] == list(task_names())


def test_registry_finds_the_task_of_an_entry_point(installed: list[EntryPoint]) -> None:
    installed.append(NER)
    assert task_names() == (MTOD, QA, "ner")
    assert task_spec("ner").inputs_field == "inputs"


def test_registry_keeps_a_built_in_task_when_an_entry_point_has_its_name(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint(MTOD, NER.value, GROUP))
    assert task_spec(MTOD).schema_name == "Mtod"


def test_registry_refuses_an_unknown_name() -> None:
    with pytest.raises(NotFound, match="no task 'tts'"):
        task_spec("tts")


def test_registry_refuses_an_entry_point_that_is_not_the_spec_of_its_name(
    installed: list[EntryPoint],
) -> None:
    installed.append(EntryPoint("other", NER.value, GROUP))
    with pytest.raises(TypeError, match="is not the TaskSpec of that name"):
        task_spec("other")


def test_registry_refuses_evaluations_that_cannot_be_distinguished(
    installed: list[EntryPoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.append(NER)
    monkeypatch.setattr("tests.integration.ner.spec.SPEC", replace(task_spec("ner"), evaluation=QaEvaluation))
    _clear()
    with pytest.raises(TypeError, match="the evaluations of the tasks qa and ner have the same fields"):
        task_specs()


@pytest.mark.parametrize("spec", task_specs(), ids=lambda spec: spec.name)
def test_spec_samples_are_valid(spec: Any) -> None:
    assert spec.example.model_validate(spec.sample)
    for sample in spec.sample_inputs:
        assert spec.input.model_validate(spec.input.from_shorthand(sample))


def test_task_name_accepts_registered_tasks_only(installed: list[EntryPoint]) -> None:
    adapter = TypeAdapter(TaskName)
    with pytest.raises(ValidationError, match="none of the tasks mtod, qa"):
        adapter.validate_python("ner")
    installed.append(NER)
    _clear()
    assert adapter.validate_python("ner") == "ner"
    assert adapter.json_schema()["enum"] == [MTOD, QA, "ner"]


@pytest.mark.parametrize(
    ("document", "model"),
    [
        ({"examples": 3, "intent_accuracy": 1.0, "slot_f1": 0.5, "exact_match": 0.5}, MtodEvaluation),
        ({"examples": 3, "exact_match": 0.5, "f1": 0.6}, QaEvaluation),
        ({"examples": 3, "entity_f1": 0.5}, NerEvaluation),
    ],
)
def test_evaluation_is_parsed_by_the_task_that_it_fits(
    installed: list[EntryPoint], document: dict[str, Any], model: type
) -> None:
    installed.append(NER)
    _clear()
    adapter = TypeAdapter[Any](AnyEvaluation)
    evaluation = adapter.validate_python(document)
    assert type(evaluation) is model
    assert document.items() <= adapter.dump_python(evaluation).items()


def test_evaluation_that_fits_no_task_is_refused() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[Any](AnyEvaluation).validate_python({"examples": 3, "bleu": 0.5})


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"task": MTOD}, LabelOptions()),
        ({"task": MTOD, "options": {"extend_labels": True}}, LabelOptions(extend_labels=True)),
        ({"task": MTOD, "extend_labels": True, "similarity": "embedded"}, LabelOptions(extend_labels=True)),
        ({"task": QA, "extend_labels": False, "similarity": "x"}, NeighbourOptions(similarity="x")),
        ({"task": QA, "options": {"similarity": "y"}}, NeighbourOptions(similarity="y")),
    ],
)
def test_job_has_the_options_of_its_task(fields: dict[str, Any], options: Any) -> None:
    job = AdaptJob.model_validate({"language": "es", "dataset_id": "d", "base_id": "b", **fields})
    assert job.options == options
    assert AdaptJob.model_validate_json(job.model_dump_json()) == job


def test_job_refuses_options_of_another_task() -> None:
    fields = {"task": MTOD, "language": "es", "dataset_id": "d", "base_id": "b"}
    with pytest.raises(ValidationError, match="similarity"):
        AdaptJob.model_validate({**fields, "options": {"similarity": "x"}})
