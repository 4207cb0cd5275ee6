"""The requests of the HTTP API as values: what is asked, and how the answer is read. Nothing is sent here.

`app.client.sync_client.Client` and `app.client.async_client.AsyncClient` send them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Final, Generic, TypeAlias, TypedDict, TypeVar, Unpack

import httpx
from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from app.client.errors import ClientError
from app.schemas.responses import (
    DryRun,
    JobAccepted,
    JobPage,
    JobView,
    Languages,
    MtodPredictions,
    QaPredictions,
    Ready,
)
from core.contracts.examples import DatasetManifest
from core.contracts.values import TaskName

MTOD: Final = TaskName.MTOD.value
"""The task of a request that names none."""

SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

AnswerT = TypeVar("AnswerT", bound=BaseModel)

Examples: TypeAlias = str | PathLike[str] | Sequence[Mapping[str, Any] | BaseModel] | DatasetManifest
"""A file, or the examples themselves, or what `store_dataset` answered."""

HeldOut: TypeAlias = Examples | float
"""What the result is measured on; a number is the share of the examples that is held out."""

Fields: TypeAlias = Mapping[str, Any]


class Options(TypedDict, total=False):
    """What every request that teaches takes; None is as if it were not there.

    Attributes:
        task: ``mtod``, which it is without this, or ``qa``.
        evaluation: What the result is measured on.
        format: Of the files, where their names do not tell.
    """

    task: str
    evaluation: HeldOut | None
    promote: str
    format: str | None


class Repeatable(TypedDict, total=False):
    """What every request for a job takes.

    Attributes:
        idempotency_key: Your own name for it: a repeat within a day gets the first answer.
    """

    idempotency_key: str | None


class PretrainOptions(Options, Repeatable, total=False):
    """What `POST /pretrain` takes beside the language and its examples."""

    encoder: str | None
    settings: Mapping[str, Any] | BaseModel | None
    seed: int


class PlanOptions(Options, total=False):
    """What a plan takes beside the language and its examples."""

    method: str
    baselines: Sequence[str] | None
    base: str | None
    hyperparameters: Mapping[str, Any] | BaseModel | None
    extend_labels: bool | None
    similarity: str | None


class AdaptOptions(PlanOptions, Repeatable, total=False):
    """What `POST /adapt` takes beside the language and its examples."""


@dataclass(frozen=True, slots=True)
class Call(Generic[AnswerT]):
    """One request.

    Attributes:
        kind: What a good answer is.
        method: Of HTTP.
        path: Below the service's address.
        arguments: httpx's, of the request.
    """

    kind: type[AnswerT]
    method: str
    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def read(self, response: httpx.Response) -> AnswerT:
        """Read a good answer; a newer service may say more than this client knows.

        Raises:
            ClientError: It is something else.
        """
        try:
            return self.kind.model_validate_json(response.content, extra="ignore")
        except ValidationError as error:
            raise ClientError(
                f"{response.request.url} answered something that is not a {self.kind.__name__}; "
                "is it an xmetra service of this version?"
            ) from error


def ready() -> Call[Ready]:
    """Ask whether the service can do its work; one that cannot is told as unreachable."""
    return Call(Ready, "GET", "/health/ready")


def languages() -> Call[Languages]:
    """Ask which languages are served, and by what."""
    return Call(Languages, "GET", "/languages")


def store_dataset(language: str, examples: Examples, *, task: str = MTOD) -> Call[DatasetManifest]:
    """Upload examples; the same ones get the same id again."""
    return _teaching(DatasetManifest, "/datasets", examples, {"task": task, "language": language})


def pretrain(
    source_language: str, examples: Examples, **options: Unpack[PretrainOptions]
) -> Call[JobAccepted]:
    """Have a base made."""
    fields = {"task": MTOD, "source_language": source_language, **options}
    return _teaching(JobAccepted, "/pretrain", examples, fields)


def adapt(language: str, examples: Examples, **options: Unpack[AdaptOptions]) -> Call[JobAccepted]:
    """Have a language learnt."""
    return _teaching(JobAccepted, "/adapt", examples, {"task": MTOD, "language": language, **options})


def plan(language: str, examples: Examples, **options: Unpack[PlanOptions]) -> Call[DryRun]:
    """Ask what `adapt` would do."""
    fields = {"task": MTOD, "language": language, **options, "dry_run": True}
    return _teaching(DryRun, "/adapt", examples, fields)


def job(job_id: str) -> Call[JobView]:
    """Ask how a job stands."""
    return Call(JobView, "GET", job_path(job_id))


def jobs(filters: Mapping[str, str | int | None]) -> Call[JobPage]:
    """Ask for the newest jobs."""
    return Call(JobPage, "GET", "/jobs", {"params": given(filters)})


def cancel(job_id: str) -> Call[JobView]:
    """Ask a job to stop."""
    return Call(JobView, "POST", f"{job_path(job_id)}/cancel")


def predict_mtod(
    utterances: Sequence[str], *, language: str, checkpoint: str | None, top_k: int
) -> Call[MtodPredictions]:
    """Ask for intent and slots of each utterance."""
    body = {"utterances": list(utterances), "language": language, "checkpoint": checkpoint, "top_k": top_k}
    return Call(MtodPredictions, "POST", "/predict/mtod", {"json": given(body)})


def predict_qa(
    questions: Sequence[Mapping[str, Any]], *, language: str, checkpoint: str | None, top_k: int
) -> Call[QaPredictions]:
    """Ask for the answers to each question."""
    body = {"questions": list(questions), "language": language, "checkpoint": checkpoint, "top_k": top_k}
    return Call(QaPredictions, "POST", "/predict/qa", {"json": given(body)})


def given(fields: Fields) -> dict[str, Any]:
    """Return the fields that are there."""
    return {name: value for name, value in fields.items() if value is not None}


def job_path(job_id: str) -> str:
    """Return the path of a job."""
    return f"/jobs/{segment('the id of a job', job_id)}"


def segment(kind: str, name: str) -> str:
    """Return a name as a segment of a path; one that could leave it is nobody's.

    Raises:
        ClientError: It could.
    """
    if SEGMENT.fullmatch(name) is None:
        raise ClientError(f"{name!r} is not {kind}")
    return name


def _teaching(kind: type[AnswerT], path: str, examples: Examples, fields: Fields) -> Call[AnswerT]:
    """Make a request with material: a form where some of it is a file, else a document."""
    document, files = given(fields), {}
    key, evaluation = document.pop("idempotency_key", None), document.pop("evaluation", None)
    if (file := _file(examples)) is not None:
        files["examples"] = file
    elif isinstance(examples, DatasetManifest):
        document["dataset"] = examples.dataset_id
    else:
        document["examples"] = examples
    if (file := _file(evaluation)) is not None:
        files["evaluation"] = file
    elif evaluation is not None:
        document["evaluation"] = _held_out(evaluation)
    plain = to_jsonable_python(document)
    body = {"data": _as_form(plain), "files": files} if files else {"json": plain}
    headers = {} if key is None else {"Idempotency-Key": key}
    return Call(kind, "POST", path, {"headers": headers, **body})


def _file(material: object) -> tuple[str, bytes, str] | None:
    """Return a file as a form has it, or None if the material is something else."""
    if not isinstance(material, str | PathLike):
        return None
    path = Path(material)
    return path.name, path.read_bytes(), "application/octet-stream"


def _held_out(evaluation: object) -> dict[str, Any]:
    """Return what measures the result as a document has it."""
    if isinstance(evaluation, DatasetManifest):
        return {"dataset": evaluation.dataset_id}
    return {"fraction" if isinstance(evaluation, float) else "examples": evaluation}


def _as_form(document: Fields) -> dict[str, str]:
    """Return fields as a form has them: anything that is not a string travels as JSON."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in document.items()}
