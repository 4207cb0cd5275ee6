"""Lookup and listing of checkpoints, with the languages that each serves."""

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from app.registry.served_models import scores_of
from app.schemas.checkpoints import CURSOR, CheckpointBrief, CheckpointFilter, CheckpointPage, CheckpointView
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName
from core.errors import Conflict, CorruptArtifact, NotFound
from core.plugins import task_names
from core.store import Store

_log = logging.getLogger(__name__)

Place = tuple[int, str, str]
"""Sort key of a checkpoint in a list that is newest first."""


def locate(checkpoint_id: str, task: TaskName | None, store: Store) -> TaskName:
    """Return the task of a checkpoint.

    Ids are random, so that two tasks have the same one only after an import from another store.

    Args:
        checkpoint_id: Id of the checkpoint.
        task: Restricts the search to this task.
        store: The store.

    Raises:
        NotFound: There is no checkpoint of that id.
        Conflict: Several tasks have one, and no task was given.
    """
    tasks = [
        name
        for name in task_names()
        if task in {None, name} and store.checkpoints.exists(name, checkpoint_id)
    ]
    if not tasks:
        raise NotFound(f"there is no checkpoint {checkpoint_id!r}" + (f" of {task}" if task else ""))
    if len(tasks) > 1:
        raise Conflict(f"{' and '.join(tasks)} have a checkpoint {checkpoint_id}: choose with ?task=")
    return tasks[0]


def view(task: TaskName, checkpoint_id: str, store: Store) -> CheckpointView:
    """Return the manifest of a checkpoint with the languages it serves.

    Raises:
        NotFound: The checkpoint does not exist.
        CorruptArtifact: Its manifest cannot be read.
    """
    manifest = store.checkpoints.manifest(task, checkpoint_id)
    return CheckpointView(**dict(manifest), serves=served_by(task, store).get(checkpoint_id, ()))


def page(checkpoint_filter: CheckpointFilter, store: Store) -> CheckpointPage:
    """Return one page of the checkpoints that match a filter."""
    tasks = [task for task in task_names() if checkpoint_filter.task in {None, task}]
    manifests = [
        manifest
        for task in tasks
        for manifest in store.checkpoints.list(task)
        if _is_for(manifest, checkpoint_filter.language)
    ]
    manifests.sort(key=_place)
    if checkpoint_filter.cursor is not None:
        last = _place_of(checkpoint_filter.cursor)
        manifests = [manifest for manifest in manifests if _place(manifest) > last]
    on_page = manifests[: checkpoint_filter.limit]
    serving = {task: served_by(task, store) for task in tasks}
    return CheckpointPage(
        checkpoints=tuple(_brief(manifest, serving[manifest.task]) for manifest in on_page),
        next_cursor=_cursor(on_page[-1]) if len(manifests) > len(on_page) else None,
    )


def served_by(task: TaskName, store: Store) -> dict[str, tuple[str, ...]]:
    """Return checkpoint → languages it serves; a record that cannot be read is logged and left out."""
    serving: dict[str, tuple[str, ...]] = {}
    for key in store.deployments.keys(task):
        try:
            live = store.deployments.live(task, key)
        except CorruptArtifact as error:
            _log.error("the deployment of %s cannot be read: %s", key, error)
            continue
        if live is not None:
            serving[live.checkpoint_id] = (*serving.get(live.checkpoint_id, ()), key)
    return serving


def _is_for(manifest: CheckpointManifest, language: str | None) -> bool:
    """Whether a checkpoint was made for a language: the last that it was trained on."""
    return language is None or manifest.languages[-1:] == (language,)


def _brief(manifest: CheckpointManifest, serving: Mapping[str, tuple[str, ...]]) -> CheckpointBrief:
    """Return a checkpoint as lists show it."""
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
    """Return the sort key of a checkpoint: newest first, then by task and id."""
    return -_microseconds(manifest.created_at), manifest.task, manifest.checkpoint_id


def _cursor(manifest: CheckpointManifest) -> str:
    """Return the cursor of the page after a checkpoint."""
    return f"{_microseconds(manifest.created_at)}-{manifest.task}-{manifest.checkpoint_id}"


def _place_of(cursor: str) -> Place:
    """Return the sort key in a cursor, whose pattern was validated with the request."""
    match = re.match(CURSOR, cursor)
    assert match is not None
    return -int(match[1]), match[2], match[3]


def _microseconds(when: datetime) -> int:
    """Return a time as an integer; a time without a zone is in UTC, as we write them."""
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1e6)
