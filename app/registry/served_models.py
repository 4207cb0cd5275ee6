"""Overview of the served checkpoints, with their scores."""

import logging

from app.inference.deployment_cache import is_adapted
from app.schemas.responses import ServedBase, ServedLanguage, ServedTask
from core.contracts.reports import CheckpointManifest
from core.contracts.values import BASE, TaskName
from core.errors import CorruptArtifact, NotFound
from core.store import Store

_log = logging.getLogger(__name__)


def served_task(task: TaskName, store: Store) -> ServedTask:
    """Return the base and the languages of a task."""
    keys = [key for key in store.deployments.keys(task) if key != BASE]
    languages = [_language(task, key, store) for key in keys]
    return ServedTask(
        task=task,
        base=_base(task, store),
        languages=tuple(language for language in languages if language is not None),
    )


def _base(task: TaskName, store: Store) -> ServedBase | None:
    """Return the base of a task, or None if none was made yet."""
    live = store.deployments.live(task, BASE)
    if live is None:
        return None
    manifest = _manifest(task, live.checkpoint_id, store)
    return ServedBase(
        checkpoint_id=live.checkpoint_id,
        source_language=manifest.languages[0] if manifest else None,
        scores=scores_of(manifest),
        since=live.created_at,
        number=live.number,
    )


def _language(task: TaskName, language: str, store: Store) -> ServedLanguage | None:
    """Return the deployment of a language, or None if there is none."""
    live = store.deployments.live(task, language)
    if live is None:
        return None
    manifest = _manifest(task, live.checkpoint_id, store)
    return ServedLanguage(
        language=language,
        checkpoint_id=live.checkpoint_id,
        adapted=manifest is not None and is_adapted(manifest, language),
        scores=scores_of(manifest),
        since=live.created_at,
        number=live.number,
    )


def _manifest(task: TaskName, checkpoint_id: str, store: Store) -> CheckpointManifest | None:
    """Return the manifest of a checkpoint, or None if it is lost or damaged, which is logged."""
    try:
        return store.checkpoints.manifest(task, checkpoint_id)
    except (NotFound, CorruptArtifact) as error:
        _log.error("a deployed checkpoint cannot be read: %s", error)
        return None


def scores_of(manifest: CheckpointManifest | None) -> dict[str, int | float] | None:
    """Return the figures of a checkpoint's evaluation, or None if it was not measured."""
    return manifest.evaluation.scores if manifest and manifest.evaluation else None
