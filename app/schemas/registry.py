"""What the registry is asked for, and what it answers."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from app.schemas.responses import ServedScores
from core.contracts.reports import CheckpointManifest, Deployment
from core.contracts.values import (
    BASE,
    Contract,
    Identifier,
    LanguageTag,
    TaskName,
    Trainable,
    canonical_language,
)

MAX_CHECKPOINTS: Final = 200
"""Checkpoints on a page; a brief one has half a kilobyte."""

CURSOR: Final = r"^(-?\d{1,18})-([a-z]{1,16})-([A-Za-z0-9_-]{1,64})$"
"""Moment, task and name of the last checkpoint on a page: it leads on even if that one was deleted."""


def deployment_key(key: str) -> str:
    """Return what can be served: ``base``, or a language tag in its canonical form.

    Raises:
        ValueError: It is neither.
    """
    return BASE if key == BASE else canonical_language(key)


DeploymentKey = Annotated[str, StringConstraints(max_length=35), AfterValidator(deployment_key)]

Reason = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,500}$")]


class CheckpointFilter(Contract):
    """Which checkpoints are listed.

    Attributes:
        language: What they were made for: of a base, its source language.
        cursor: The `next_cursor` of the page before.
    """

    task: TaskName | None = None
    language: LanguageTag | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_CHECKPOINTS)] = 50
    cursor: Annotated[str, StringConstraints(pattern=CURSOR)] | None = None


class CheckpointBrief(Contract):
    """A checkpoint in a list.

    Attributes:
        scores: How good it was where it was made.
        serves: The languages that it serves now, and `base`.
    """

    checkpoint_id: Identifier
    task: TaskName
    method: str
    languages: tuple[LanguageTag, ...]
    base_id: Identifier | None
    encoder: str
    trainable: Trainable
    bytes: int
    scores: ServedScores | None
    serves: tuple[str, ...]
    created_at: datetime


class CheckpointPage(Contract):
    """Some checkpoints, newest first.

    Attributes:
        next_cursor: What to send as `cursor` for the page after this; None on the last.
    """

    checkpoints: tuple[CheckpointBrief, ...]
    next_cursor: str | None = None


class CheckpointView(CheckpointManifest):
    """A checkpoint: its manifest, and where it serves.

    Attributes:
        serves: The languages that it serves now, and `base`.
    """

    serves: tuple[str, ...] = ()


class PastDeployment(Deployment):
    """What served, or serves.

    Attributes:
        available: Whether its checkpoint is still there, so that it could serve again.
    """

    available: bool


class LanguageView(Contract):
    """What serves a language, or as `base` all that have no model of their own.

    Attributes:
        live: The deployment that serves; its number is the `ETag`.
        adapted: Whether its checkpoint was trained on the language.
        history: Every deployment, newest first.
    """

    task: TaskName
    language: DeploymentKey
    live: Deployment
    adapted: bool
    scores: ServedScores | None
    history: tuple[PastDeployment, ...]


class DeployRequest(Contract):
    """Which checkpoint is to serve, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"checkpoint_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "reason": "better on our own test set"}
            ]
        }
    )

    checkpoint_id: Identifier
    reason: Reason = "deployed by hand"
