"""Responses of the API."""

from datetime import datetime
from functools import cache
from typing import Any, Literal

from pydantic import Field, SerializeAsAny, create_model

from core.contracts.evaluations import AnyEvaluation
from core.contracts.inference import Prediction
from core.contracts.jobs import JobRecord, JobStatus
from core.contracts.reports import AdaptPlan
from core.contracts.values import Contract, Identifier, LanguageTag, TaskName
from core.tasks.registry import task_spec


class Checks(Contract):
    """Findings in a request that are no faults.

    Attributes:
        warnings: One sentence each, for people.
    """

    warnings: tuple[str, ...] = ()


class JobAccepted(Contract):
    """A job was queued.

    Attributes:
        job_id: Id of the job.
        status: Its status, `queued` unless the request repeats an earlier one.
        queue_position: Its place in the queue; 1 is next, null if it no longer waits.
        checks: Warnings about the request.
    """

    job_id: Identifier
    status: JobStatus
    queue_position: int | None = None
    checks: Checks = Checks()


class DryRun(Contract):
    """What an adaptation would do.

    Attributes:
        checks: Warnings about the request.
        plan: Split sizes, stages, shots and estimated time.
    """

    checks: Checks
    plan: AdaptPlan


class JobView(JobRecord):
    """A job: its stored record, and its live state in Redis.

    Attributes:
        queue_position: Its place in the queue; 1 is next, null if it does not wait or Redis is unavailable.
    """

    queue_position: int | None = None


class JobPage(Contract):
    """Jobs in descending order of creation, without plans and reports.

    Attributes:
        jobs: The jobs of this page.
        next_cursor: Value of `cursor` for the next page; null on the last.
    """

    jobs: tuple[JobView, ...]
    next_cursor: Identifier | None = None


class Usage(Contract):
    """Cost of a prediction request.

    Attributes:
        tokens: Tokens of all inputs, as the encoder counts them.
        queue_ms: Waiting time in milliseconds.
        inference_ms: Computing time in milliseconds, loading of models included.
    """

    tokens: int
    queue_ms: float
    inference_ms: float


class Predictions(Contract):
    """Predictions in the order of the request's inputs; `predictions_response` has the class of a task.

    Attributes:
        predictions: One for each input.
        checkpoints: Language → id of the checkpoint that predicted.
        usage: What the request cost.
    """

    predictions: tuple[SerializeAsAny[Prediction], ...]
    checkpoints: dict[str, str]
    usage: Usage


@cache
def predictions_response(task: str) -> type[Predictions]:
    """Return the class of a task's predictions, such as ``MtodPredictions``.

    Raises:
        NotFound: There is no task of that name.
    """
    spec = task_spec(task)
    prediction: Any = tuple[spec.prediction, ...]  # type: ignore[name-defined]
    return create_model(
        f"{spec.schema_name}Predictions",
        __base__=Predictions,
        __doc__=Predictions.__doc__,
        predictions=(prediction, ...),
    )


class EvaluationResult(Contract):
    """Scores of a checkpoint on labelled examples.

    Attributes:
        task: The task.
        language: BCP-47 tag of the language of the examples.
        checkpoint_id: The checkpoint that predicted.
        adapted: Whether it was trained on the language; if not, the base answered zero-shot.
        evaluation: The scores.
    """

    task: TaskName
    language: LanguageTag
    checkpoint_id: Identifier
    adapted: bool
    evaluation: AnyEvaluation


class ServedLanguage(Contract):
    """A language with a checkpoint of its own.

    Attributes:
        language: BCP-47 tag of the language.
        checkpoint_id: The checkpoint that serves it.
        adapted: Whether the checkpoint was trained on the language.
        scores: Scores on held-out examples of its job, name → figure; null if not measured.
        since: Time of the deployment.
        number: Number of the deployment; each change adds one.
    """

    language: LanguageTag
    checkpoint_id: Identifier
    adapted: bool
    scores: dict[str, int | float] | None
    since: datetime
    number: int = Field(ge=1)


class ServedBase(Contract):
    """The base, which answers every other language zero-shot.

    Attributes:
        checkpoint_id: The checkpoint that serves.
        source_language: BCP-47 tag of the language it was trained on; null if its manifest is lost.
        scores: Scores on held-out examples of its job, name → figure; null if not measured.
        since: Time of the deployment.
        number: Number of the deployment; each change adds one.
    """

    checkpoint_id: Identifier
    source_language: LanguageTag | None
    scores: dict[str, int | float] | None
    since: datetime
    number: int = Field(ge=1)


class ServedTask(Contract):
    """What is served of one task.

    Attributes:
        task: The task.
        base: The base; null until the first one is made, and then nothing can be predicted or adapted.
        languages: Languages with a checkpoint of their own.
    """

    task: TaskName
    base: ServedBase | None
    languages: tuple[ServedLanguage, ...]


class Languages(Contract):
    """What is served.

    Attributes:
        tasks: One entry for each registered task.
    """

    tasks: tuple[ServedTask, ...]


class Liveness(Contract):
    """The process runs.

    Attributes:
        status: Always `live`.
    """

    status: Literal["live"] = "live"


class ComponentHealth(Contract):
    """Health of one component.

    Attributes:
        status: `absent` means that no base was made yet, which is no failure.
        detail: What is wrong; null if nothing is.
    """

    status: Literal["ok", "absent", "failed"]
    detail: str | None = None


class Readiness(Contract):
    """Health of every component.

    Attributes:
        status: `ready` if no component has failed.
        redis: The job queue.
        store: The store of datasets, checkpoints and jobs.
        model: A forward pass of the base of each task.
    """

    status: Literal["ready", "not ready"]
    redis: ComponentHealth
    store: ComponentHealth
    model: ComponentHealth
