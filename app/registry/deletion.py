"""Deletion of checkpoints that nothing depends on."""

from collections.abc import Iterator

from core.contracts.jobs import AdaptJob
from core.contracts.values import TaskName, Trainable
from core.errors import Conflict
from core.store import Store


def delete(task: TaskName, checkpoint_id: str, store: Store) -> None:
    """Delete a checkpoint.

    Raises:
        NotFound: It does not exist.
        Conflict: A deployment, another checkpoint or an open job depends on it; the message lists them all.
        CorruptArtifact: A deployment record cannot be read, so that it may be of this checkpoint.
    """

    def guard() -> None:
        if reasons := "; ".join(_dependents(task, checkpoint_id, store)):
            raise Conflict(f"checkpoint {checkpoint_id} cannot be deleted: {reasons}")

    store.checkpoints.delete(task, checkpoint_id, guard=guard)


def _dependents(task: TaskName, checkpoint_id: str, store: Store) -> Iterator[str]:
    """Yield what depends on a checkpoint."""
    keys = [key for key in store.deployments.keys(task) if _serves(task, key, checkpoint_id, store)]
    if keys:
        yield f"it serves {', '.join(keys)}"
    additions = [
        manifest.checkpoint_id
        for manifest in store.checkpoints.list(task)
        if manifest.base_id == checkpoint_id and manifest.trainable is not Trainable.ALL
    ]
    if additions:
        yield f"only what was added to it is kept of {', '.join(additions)}"
    open_jobs = store.jobs.list(where=lambda job: job.task == task and not job.status.is_final)
    jobs = [job.job_id for job in open_jobs if _starts_from(job.request, checkpoint_id)]
    if jobs:
        yield f"it is where jobs start that have not ended: {', '.join(jobs)}"


def _serves(task: TaskName, key: str, checkpoint_id: str, store: Store) -> bool:
    """Whether a checkpoint serves a language or as the base."""
    live = store.deployments.live(task, key)
    return live is not None and live.checkpoint_id == checkpoint_id


def _starts_from(request: object, checkpoint_id: str) -> bool:
    """Whether a job adapts from a checkpoint."""
    return isinstance(request, AdaptJob) and request.base_id == checkpoint_id
