"""Validation of jobs and their records."""

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
def test_adapt_job_refuses_invalid_names_and_numbers(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        REQUEST.validate_python(ADAPT | changes)


@pytest.mark.parametrize("changes", [{"encoder": ""}, {"encoder": "x" * 513}, {"seed": -1}, {"seed": 2**31}])
def test_pretrain_job_refuses_invalid_encoders_and_seeds(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        REQUEST.validate_python(PRETRAIN | changes)


def test_job_request_is_discriminated_by_kind() -> None:
    assert isinstance(REQUEST.validate_python(ADAPT), AdaptJob)
    assert isinstance(REQUEST.validate_python(PRETRAIN), PretrainJob)


def test_job_record_round_trips_through_json() -> None:
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


def test_job_status_is_final_when_no_status_can_follow() -> None:
    over = {status for status in JobStatus if status.is_final}

    assert over == {JobStatus.CANCELLED, JobStatus.SUCCEEDED, JobStatus.FAILED}


@pytest.mark.parametrize("percent", [-1, 100.5, float("nan")])
def test_progress_refuses_invalid_percentages(percent: float) -> None:
    with pytest.raises(ValidationError):
        Progress(percent=percent)


def test_mtod_quality_is_the_mean_of_intent_accuracy_and_slot_f1() -> None:
    made = MtodEvaluation(examples=3, intent_accuracy=0.5, slot_f1=1.0, exact_match=0.2)

    assert made.quality == 0.75
