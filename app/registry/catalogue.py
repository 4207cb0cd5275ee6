"""Which checkpoints there are, and where each serves."""

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from app.registry.served_models import scores_of
from app.schemas.registry import CURSOR, CheckpointBrief, CheckpointFilter, CheckpointPage, CheckpointView
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName
from core.errors import Conflict, CorruptArtifact, NotFound
from core.store import Store

_log = logging.getLogger(__name__)

Place = tuple[int, str, str]
"""Where a checkpoint stands in a list that is newest first."""


def located(checkpoint_id: str, task: TaskName | None, store: Store) -> TaskName:
    """Return the task of a checkpoint.

    Names are given at random, so that two of one name are somebody's import into another store.

    Raises:
        NotFound: There is none of that name.
        Conflict: There are two, and no task was named.
    """
    tasks = [one for one in TaskName if task in {None, one} and store.checkpoints.exists(one, checkpoint_id)]
    if not tasks:
        raise NotFound(f"there is no checkpoint {checkpoint_id!r}" + (f" of {task}" if task else ""))
    if len(tasks) > 1:
        raise Conflict(f"{' and '.join(tasks)} both have a checkpoint {checkpoint_id}: say which with ?task=")
    return tasks[0]


def view(task: TaskName, checkpoint_id: str, store: Store) -> CheckpointView:
    """Return a checkpoint with all that its manifest says.

    Raises:
        NotFound: It is not there.
        CorruptArtifact: Its manifest cannot be read.
    """
    manifest = store.checkpoints.manifest(task, checkpoint_id)
    return CheckpointView(**dict(manifest), serves=served_by(task, store).get(checkpoint_id, ()))


def page(chosen: CheckpointFilter, store: Store) -> CheckpointPage:
    """Return one page of the checkpoints that a filter lets through."""
    tasks = [task for task in TaskName if chosen.task in {None, task}]
    found = [one for task in tasks for one in store.checkpoints.list(task) if _is_for(one, chosen.language)]
    found.sort(key=_place)
    behind = [one for one in found if chosen.cursor is None or _place(one) > _place_of(chosen.cursor)]
    shown = behind[: chosen.limit]
    serving = {task: served_by(task, store) for task in tasks}
    return CheckpointPage(
        checkpoints=tuple(_brief(one, serving[one.task]) for one in shown),
        next_cursor=_cursor(shown[-1]) if len(behind) > chosen.limit else None,
    )


def served_by(task: TaskName, store: Store) -> dict[str, tuple[str, ...]]:
    """Return checkpoint → what it serves; a record that cannot be read must not hide the others."""
    serving: dict[str, tuple[str, ...]] = {}
    for key in store.deployments.keys(task):
        try:
            live = store.deployments.live(task, key)
        except CorruptArtifact as error:
            _log.error("what serves %s cannot be read: %s", key, error)
            continue
        if live is not None:
            serving[live.checkpoint_id] = (*serving.get(live.checkpoint_id, ()), key)
    return serving


def _is_for(manifest: CheckpointManifest, language: str | None) -> bool:
    """Whether a checkpoint was made for a language: the last that it learnt."""
    return language is None or manifest.languages[-1:] == (language,)


def _brief(manifest: CheckpointManifest, serving: Mapping[str, tuple[str, ...]]) -> CheckpointBrief:
    """Return what a list tells of a checkpoint."""
    return CheckpointBrief(
        checkpoint_id=manifest.checkpoint_id,
        task=manifest.task,
        method=manifest.method,
        languages=manifest.languages,
        base_id=manifest.base_id,
        encoder=manifest.encoder,
        trainable=manifest.trainable,
        bytes=manifest.bytes,
        scores=scores_of(manifest),
        serves=serving.get(manifest.checkpoint_id, ()),
        created_at=manifest.created_at,
    )


def _place(manifest: CheckpointManifest) -> Place:
    """Order newest first, and checkpoints of one moment by task and name."""
    return -_microseconds(manifest.created_at), manifest.task.value, manifest.checkpoint_id


def _cursor(manifest: CheckpointManifest) -> str:
    """Return what leads on behind a checkpoint."""
    return f"{_microseconds(manifest.created_at)}-{manifest.task.value}-{manifest.checkpoint_id}"


def _place_of(cursor: str) -> Place:
    """Return the place that a cursor names; its pattern was checked with the request."""
    found = re.match(CURSOR, cursor)
    assert found is not None
    return -int(found[1]), found[2], found[3]


def _microseconds(when: datetime) -> int:
    """Return a moment as a whole number; one without a zone is in UTC, as we write them."""
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1e6)
