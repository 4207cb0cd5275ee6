"""Requests and responses of the model registry: checkpoints and deployments."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

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
"""Time, task and id of the last checkpoint on a page: the cursor stays valid if that one is deleted."""


def deployment_key(key: str) -> str:
    """Return ``base``, or a language tag in its canonical form.

    Raises:
        ValueError: The key is neither.
    """
    return BASE if key == BASE else canonical_language(key)


DeploymentKey = Annotated[str, StringConstraints(max_length=35), AfterValidator(deployment_key)]

Reason = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,500}$")]


class CheckpointFilter(Contract):
    """Filter of the list of checkpoints.

    Attributes:
        task: Only checkpoints of this task.
        language: Only checkpoints that were made for this language; a base is made for its source language.
        limit: Maximum of checkpoints on a page, 1 to 200.
        cursor: The `next_cursor` of the previous page.
    """

    task: TaskName | None = None
    language: LanguageTag | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_CHECKPOINTS)] = 50
    cursor: Annotated[str, StringConstraints(pattern=CURSOR)] | None = None


class CheckpointBrief(Contract):
    """A checkpoint in a list.

    Attributes:
        checkpoint_id: Id of the checkpoint.
        task: The task.
        method: `pre` for a base, or the method of the adaptation.
        languages: BCP-47 tags of the languages it was trained on, source first.
        base_id: The checkpoint it was adapted from; null for a base.
        encoder: Name of the encoder it was made with.
        trainable: Which tensors were trained; unless `all`, the base holds the rest.
        bytes: Size of the weights, in bytes.
        scores: Scores on held-out examples where it was made, name → figure; null if not measured.
        serves: The languages that it serves now, and `base`.
        created_at: Time of its making, in UTC.
    """

    checkpoint_id: Identifier
    task: TaskName
    method: str
    languages: tuple[LanguageTag, ...]
    base_id: Identifier | None
    encoder: str
    trainable: Trainable
    bytes: int
    scores: dict[str, int | float] | None
    serves: tuple[str, ...]
    created_at: datetime


class CheckpointPage(Contract):
    """Checkpoints in descending order of creation.

    Attributes:
        checkpoints: The checkpoints of this page.
        next_cursor: Value of `cursor` for the next page; null on the last.
    """

    checkpoints: tuple[CheckpointBrief, ...]
    next_cursor: str | None = None


class CheckpointView(CheckpointManifest):
    """A checkpoint: its manifest, and the languages it serves.

    Attributes:
        serves: The languages that it serves now, and `base`.
    """

    serves: tuple[str, ...] = ()


class PastDeployment(Deployment):
    """A past or live deployment.

    Attributes:
        available: Whether its checkpoint still exists and can be deployed again.
    """

    available: bool


class LanguageView(Contract):
    """The deployments of a language, or of `base`, which serves every language without its own.

    Attributes:
        task: The task.
        language: BCP-47 tag of the language, or `base`.
        live: The deployment that serves; its number is the `ETag`.
        adapted: Whether its checkpoint was trained on the language.
        scores: Scores of its checkpoint on held-out examples, name → figure; null if not measured.
        history: Every deployment, newest first.
    """

    task: TaskName
    language: DeploymentKey
    live: Deployment
    adapted: bool
    scores: dict[str, int | float] | None
    history: tuple[PastDeployment, ...]


class DeployRequest(Contract):
    """Deployment of a checkpoint.

    Attributes:
        checkpoint_id: The checkpoint to deploy.
        reason: The reason for the history, 1 to 500 characters.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"checkpoint_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "reason": "better on our own test set"}
            ]
        }
    )

    checkpoint_id: Identifier
    reason: Reason = "deployed by hand"
