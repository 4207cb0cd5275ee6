"""What clients are answered."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, Self, TypeAlias

from pydantic import Field

from core.contracts.answers import QaPrediction
from core.contracts.jobs import JobRecord, JobStatus
from core.contracts.predictions import MtodPrediction
from core.contracts.reports import AdaptPlan
from core.contracts.values import Contract, Identifier, LanguageTag, TaskName


class Checks(Contract):
    """What was noticed in a request that is no fault.

    Attributes:
        warnings: Everything a person should know before the job runs.
    """

    warnings: tuple[str, ...] = ()


class JobAccepted(Contract):
    """A job was queued.

    Attributes:
        queue_position: 1 is next; None once it does not wait any more.
    """

    job_id: Identifier
    status: JobStatus
    queue_position: int | None = None
    checks: Checks = Checks()


class DryRun(Contract):
    """What an adaptation would do."""

    checks: Checks
    plan: AdaptPlan


class JobView(JobRecord):
    """A job as it stands: the durable record, and what Redis knows of the moment.

    Attributes:
        queue_position: 1 is next; None once it does not wait, or while Redis does not answer.
    """

    queue_position: int | None = None


class JobPage(Contract):
    """Some jobs, newest first, without their plans and reports.

    Attributes:
        next_cursor: What to send as `cursor` for the page after this; None on the last.
    """

    jobs: tuple[JobView, ...]
    next_cursor: Identifier | None = None


class Usage(Contract):
    """What a prediction cost.

    Attributes:
        tokens: Of all texts, as the encoder counts them.
        queue_ms: Milliseconds waited for a turn.
        inference_ms: Milliseconds of computing, loading included.
    """

    tokens: int
    queue_ms: float
    inference_ms: float

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        """Return what several predictions cost together."""
        given = list(parts)
        return cls(
            tokens=sum(part.tokens for part in given),
            queue_ms=sum(part.queue_ms for part in given),
            inference_ms=sum(part.inference_ms for part in given),
        )


class MtodPredictions(Contract):
    """Answers in the order of the utterances.

    Attributes:
        checkpoints: Language → the checkpoint that answered.
    """

    predictions: tuple[MtodPrediction, ...]
    checkpoints: dict[str, str]
    usage: Usage


class QaPredictions(Contract):
    """Answers in the order of the questions.

    Attributes:
        checkpoints: Language → the checkpoint that answered.
    """

    predictions: tuple[QaPrediction, ...]
    checkpoints: dict[str, str]
    usage: Usage


def used_checkpoints(answers: Iterable[MtodPredictions | QaPredictions]) -> dict[str, str]:
    """Return language → the checkpoint that answered, of several answers."""
    return {language: used for answer in answers for language, used in answer.checkpoints.items()}


class MtodScores(Contract):
    """How good intents and slots were on held-out utterances where the checkpoint was made."""

    intent_accuracy: float
    slot_f1: float
    exact_match: float
    examples: int


class QaScores(Contract):
    """How good answers were on held-out questions where the checkpoint was made."""

    f1: float
    exact_match: float
    examples: int


ServedScores: TypeAlias = MtodScores | QaScores


class ServedLanguage(Contract):
    """A language and what serves it.

    Attributes:
        adapted: Whether the checkpoint was trained on the language.
        since: Since when it serves.
        number: Of the deployment; each change adds one.
    """

    language: LanguageTag
    checkpoint_id: Identifier
    adapted: bool
    scores: ServedScores | None
    since: datetime
    number: int = Field(ge=1)


class ServedBase(Contract):
    """The base, which answers every other language zero-shot.

    Attributes:
        source_language: What it was trained on; None if its manifest is lost.
    """

    checkpoint_id: Identifier
    source_language: LanguageTag | None
    scores: ServedScores | None
    since: datetime
    number: int = Field(ge=1)


class ServedTask(Contract):
    """What is served of one task.

    Attributes:
        base: None until the first base was made: then nothing can be predicted or adapted.
        languages: Those with a checkpoint of their own.
    """

    task: TaskName
    base: ServedBase | None
    languages: tuple[ServedLanguage, ...]


class Languages(Contract):
    """What is served."""

    tasks: tuple[ServedTask, ...]


class Live(Contract):
    """The process runs."""

    status: Literal["live"] = "live"


class Part(Contract):
    """One part the service stands on.

    Attributes:
        status: `absent` is a model that nobody has made yet, which is no failure.
        detail: What is wrong.
    """

    status: Literal["ok", "absent", "failed"]
    detail: str | None = None


class Ready(Contract):
    """Whether each part works."""

    status: Literal["ready", "not ready"]
    redis: Part
    store: Part
    model: Part
