"""Which checkpoint serves each language, and how good it is."""

import logging

from app.inference.deployment_cache import is_adapted
from app.schemas.responses import MtodScores, QaScores, ServedBase, ServedLanguage, ServedScores, ServedTask
from core.contracts.evaluations import QaEvaluation
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName
from core.errors import CorruptArtifact, NotFound
from core.store import Store
from core.store.names import BASE

_log = logging.getLogger(__name__)


def served_task(task: TaskName, store: Store) -> ServedTask:
    """Return what is served of a task."""
    keys = [key for key in store.deployments.keys(task) if key != BASE]
    languages = [_language(task, key, store) for key in keys]
    return ServedTask(
        task=task,
        base=_base(task, store),
        languages=tuple(language for language in languages if language is not None),
    )


def _base(task: TaskName, store: Store) -> ServedBase | None:
    """Return the base, or None while there is none."""
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
    """Return what serves a language."""
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
    """Return what a checkpoint is; one that is lost or damaged must not hide the others."""
    try:
        return store.checkpoints.manifest(task, checkpoint_id)
    except (NotFound, CorruptArtifact) as error:
        _log.error("a deployed checkpoint cannot be read: %s", error)
        return None


def scores_of(manifest: CheckpointManifest | None) -> ServedScores | None:
    """Return the scores of a checkpoint, if it was measured."""
    if manifest is None or manifest.evaluation is None:
        return None
    measured = manifest.evaluation
    if isinstance(measured, QaEvaluation):
        return QaScores(f1=measured.f1, exact_match=measured.exact_match, examples=measured.examples)
    return MtodScores(
        intent_accuracy=measured.intent_accuracy,
        slot_f1=measured.slot_f1,
        exact_match=measured.exact_match,
        examples=measured.examples,
    )
