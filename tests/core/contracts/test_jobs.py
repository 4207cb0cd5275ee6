"""Requests for work: bounds of the numbers, safe names, and a record that survives JSON."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from core.contracts.evaluations import MtodEvaluation
from core.contracts.jobs import AdaptJob, JobRecord, JobRequest, JobStatus, PretrainJob, Progress
from core.contracts.values import now

REQUEST: TypeAdapter[AdaptJob | PretrainJob] = TypeAdapter(JobRequest)
ADAPT = {"kind": "adapt", "task": "mtod", "language": "es", "dataset_id": "d", "base_id": "b"}
PRETRAIN = {"kind": "pretrain", "task": "mtod", "source_language": "en", "dataset_id": "d"}


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset_id": "../../etc/passwd"},
        {"base_id": "a/b"},
        {"evaluation_dataset_id": ""},
        {"language": "../es"},
        {"language": "xx"},
        {"evaluation_fraction": 0},
        {"evaluation_fraction": 1},
        {"method": "magic"},
        {"baselines": ["magic"]},
        {"promote": "maybe"},
        {"kind": "delete"},
        {"seed": 1},
    ],
)
def test_a_request_with_a_bad_name_or_number_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        REQUEST.validate_python(ADAPT | changes)


@pytest.mark.parametrize("changes", [{"encoder": ""}, {"encoder": "x" * 513}, {"seed": -1}, {"seed": 2**31}])
def test_a_base_needs_an_encoder_and_a_seed_that_fit(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        REQUEST.validate_python(PRETRAIN | changes)


def test_the_kind_decides_what_a_request_is() -> None:
    assert isinstance(REQUEST.validate_python(ADAPT), AdaptJob)
    assert isinstance(REQUEST.validate_python(PRETRAIN), PretrainJob)


def test_a_record_survives_json() -> None:
    request = AdaptJob.model_validate(ADAPT)
    record = JobRecord(
        job_id="j-1",
        kind=request.kind,
        task=request.task,
        language=request.language,
        request=request,
        created_at=now(),
    )

    assert JobRecord.model_validate_json(record.model_dump_json()) == record


def test_a_job_is_over_when_nothing_can_follow() -> None:
    over = {status for status in JobStatus if status.is_final}

    assert over == {JobStatus.CANCELLED, JobStatus.SUCCEEDED, JobStatus.FAILED}


@pytest.mark.parametrize("percent", [-1, 100.5, float("nan")])
def test_progress_is_a_percentage(percent: float) -> None:
    with pytest.raises(ValidationError):
        Progress(percent=percent)


def test_the_quality_of_a_model_is_the_mean_of_intents_and_slots() -> None:
    made = MtodEvaluation(examples=3, intent_accuracy=0.5, slot_f1=1.0, exact_match=0.2)

    assert made.quality == 0.75
