"""The requests of the HTTP API, one function for each operation. Nothing is sent here.

`xmetra_client.registry_requests` has those of checkpoints and deployments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import httpx
from pydantic_core import to_jsonable_python

from xmetra_client.bodies import Examples, as_list, path_segment, training_body, without_none
from xmetra_client.models import (
    DatasetManifest,
    DryRun,
    EvaluationResult,
    JobAccepted,
    JobPage,
    JobView,
    Languages,
    MtodPredictions,
    QaPredictions,
    Readiness,
)
from xmetra_client.options import AdaptOptions, PlanOptions, PretrainOptions
from xmetra_client.request import ModelT, Request, model
from xmetra_client.responses import Predictions

if TYPE_CHECKING:
    from typing_extensions import Unpack

EVALUATION_TIMEOUT: Final = httpx.Timeout(60.0, read=1800.0)
"""Seconds; the service predicts all examples before it answers: minutes for long contexts on a CPU."""

MTOD: Final = "mtod"
"""The task of a request that names none."""


def ready() -> Request[Readiness]:
    """Return the state of the service's parts; raise `ServiceUnavailable` if one of them fails."""
    return Request(model(Readiness), "GET", "/health/ready")


def languages() -> Request[Languages]:
    """Return the languages of each task and the checkpoints that serve them."""
    return Request(model(Languages), "GET", "/languages")


def store_dataset(language: str, examples: Examples, *, task: str = MTOD) -> Request[DatasetManifest]:
    """Upload examples; equal examples get the same dataset id.

    Args:
        language: BCP-47 tag of the examples' language.
        examples: The path of a file, or the examples themselves.
        task: The task that they teach.
    """
    fields = {"task": task, "language": language}
    return Request(model(DatasetManifest), "POST", "/datasets", training_body(examples, fields))


def dataset(dataset_id: str) -> Request[DatasetManifest]:
    """Return the manifest of a stored dataset."""
    return Request(
        model(DatasetManifest), "GET", f"/datasets/{path_segment('the id of a dataset', dataset_id)}"
    )


def pretrain(
    source_language: str, examples: Examples, **options: Unpack[PretrainOptions]
) -> Request[JobAccepted]:
    """Train a base, from which every adaptation starts.

    Args:
        source_language: BCP-47 tag of the source language.
        examples: The path of a file, or the examples themselves, or the result of `store_dataset`.
        options: See `xmetra_client.options.PretrainOptions`.

    Returns:
        The job.
    """
    return _job_request("/pretrain", examples, {"task": MTOD, "source_language": source_language, **options})


def adapt(language: str, examples: Examples, **options: Unpack[AdaptOptions]) -> Request[JobAccepted]:
    """Adapt a base to a language.

    Args:
        language: BCP-47 tag of the target language.
        examples: The path of a file, or the examples themselves, or the result of `store_dataset`.
        options: See `xmetra_client.options.AdaptOptions`.

    Returns:
        The job.
    """
    return _job_request("/adapt", examples, {"task": MTOD, "language": language, **options})


def plan(language: str, examples: Examples, **options: Unpack[PlanOptions]) -> Request[DryRun]:
    """Return what `adapt` with the same arguments would do, without doing it."""
    fields = {"task": MTOD, "language": language, **options, "dry_run": True}
    return Request(model(DryRun), "POST", "/adapt", training_body(examples, fields))


def job(job_id: str) -> Request[JobView]:
    """Return the state of a job, with its report once it has succeeded."""
    return Request(model(JobView), "GET", job_path(job_id))


def jobs(
    *,
    status: str | None = None,
    task: str | None = None,
    language: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Request[JobPage]:
    """Return the newest jobs that match the filters; `cursor` is the `next_cursor` of the page before."""
    filters = {"status": status, "task": task, "language": language, "limit": limit, "cursor": cursor}
    return Request(model(JobPage), "GET", "/jobs", {"params": without_none(filters)})


def cancel(job_id: str) -> Request[JobView]:
    """Cancel a job, and return its state; a job that has ended stays as it is."""
    return Request(model(JobView), "POST", f"{job_path(job_id)}/cancel")


def evaluate(
    language: str, examples: Examples, *, task: str = MTOD, checkpoint: str | None = None
) -> Request[EvaluationResult]:
    """Measure a checkpoint on labelled examples.

    Args:
        language: BCP-47 tag of the examples' language.
        examples: The path of a file, or the examples themselves, or the result of `store_dataset`.
        task: The task.
        checkpoint: Id of the checkpoint; the one that serves the language by default.
    """
    fields = {"task": task, "language": language, "checkpoint": checkpoint}
    arguments = {"timeout": EVALUATION_TIMEOUT, **training_body(examples, fields)}
    return Request(model(EvaluationResult), "POST", "/evaluate", arguments)


def predict_mtod(
    utterances: Sequence[str | Mapping[str, Any]],
    *,
    language: str | None = None,
    checkpoint: str | None = None,
    top_k: int = 3,
) -> Request[MtodPredictions]:
    """Return the intent and the slots of each utterance.

    Args:
        utterances: Texts; or mappings with ``text`` and, if wanted, ``id`` and ``language``.
        language: BCP-47 tag of every utterance that has none of its own.
        checkpoint: Id of the checkpoint; the one that serves the language by default.
        top_k: Number of ranked intents.
    """
    fields = {"language": language, "checkpoint": checkpoint, "top_k": top_k}
    return _predict_request(MtodPredictions, MTOD, utterances, fields)


def predict_qa(
    questions: Sequence[Mapping[str, Any]],
    *,
    language: str | None = None,
    checkpoint: str | None = None,
    top_k: int = 3,
) -> Request[QaPredictions]:
    """Return the answers to each question.

    Args:
        questions: Mappings with ``question`` and ``context`` and, if wanted, ``id`` and ``language``.
        language: BCP-47 tag of every question that has none of its own.
        checkpoint: Id of the checkpoint; the one that serves the language by default.
        top_k: Number of ranked answers.
    """
    fields = {"language": language, "checkpoint": checkpoint, "top_k": top_k}
    return _predict_request(QaPredictions, "qa", questions, fields)


AnyPredictions: TypeAlias = "MtodPredictions | QaPredictions | Predictions"

INPUTS_FIELDS: Final[Mapping[str, str]] = {MTOD: "utterances", "qa": "questions"}
"""Task → field of the inputs; ``inputs`` for any other task."""

PREDICTIONS: Final[Mapping[str, type[MtodPredictions] | type[QaPredictions]]] = {
    MTOD: MtodPredictions,
    "qa": QaPredictions,
}


def predict(
    task: str,
    inputs: Sequence[Any],
    *,
    language: str | None = None,
    checkpoint: str | None = None,
    top_k: int | None = None,
) -> Request[AnyPredictions]:
    """Return the predictions of any task.

    Args:
        task: A task of the service.
        inputs: The inputs of the task.
        language: BCP-47 tag of every input that has none of its own.
        checkpoint: Id of the checkpoint; the one that serves the language by default.
        top_k: Number of ranked alternatives; None for the service's default.

    Returns:
        `MtodPredictions`, `QaPredictions`, or `Predictions` for any other task.
    """
    fields = {"language": language, "checkpoint": checkpoint, "top_k": top_k}
    return _predict_request(PREDICTIONS.get(task, Predictions), task, inputs, fields)


def job_path(job_id: str) -> str:
    """Return the path of a job."""
    return f"/jobs/{path_segment('the id of a job', job_id)}"


def _job_request(path: str, examples: Examples, options: Mapping[str, Any]) -> Request[JobAccepted]:
    """Return a request that creates a job."""
    fields = dict(options)
    key = fields.pop("idempotency_key", None)
    headers = {} if key is None else {"Idempotency-Key": key}
    return Request(model(JobAccepted), "POST", path, {"headers": headers, **training_body(examples, fields)})


def _predict_request(
    kind: type[ModelT], task: str, inputs: Sequence[Any], fields: Mapping[str, Any]
) -> Request[ModelT]:
    """Return a request for the predictions of a task."""
    name = INPUTS_FIELDS.get(task, "inputs")
    body = {name: as_list(name, inputs), **without_none(fields)}
    return Request(
        model(kind), "POST", f"/predict/{path_segment('a task', task)}", {"json": to_jsonable_python(body)}
    )
