"""The end of a checkpoint that nobody needs."""

from collections.abc import Iterator

from core.contracts.jobs import AdaptJob
from core.contracts.values import TaskName, Trainable
from core.errors import Conflict
from core.store import Store


def delete(task: TaskName, checkpoint_id: str, store: Store) -> None:
    """Delete a checkpoint.

    Raises:
        NotFound: It is not there.
        Conflict: Something that is there would not work without it; all of that is told at once.
        CorruptArtifact: What serves cannot be read, so that nobody knows whether it is this one.
    """

    def guard() -> None:
        if needs := "; ".join(_needs(task, checkpoint_id, store)):
            raise Conflict(f"checkpoint {checkpoint_id} cannot be deleted: {needs}")

    store.checkpoints.delete(task, checkpoint_id, guard=guard)


def _needs(task: TaskName, checkpoint_id: str, store: Store) -> Iterator[str]:
    """Yield what would not work without a checkpoint."""
    keys = [key for key in store.deployments.keys(task) if _serves(task, key, checkpoint_id, store)]
    if keys:
        yield f"it serves {', '.join(keys)}"
    additions = [
        one.checkpoint_id
        for one in store.checkpoints.list(task)
        if one.base_id == checkpoint_id and one.trainable is not Trainable.ALL
    ]
    if additions:
        yield f"only what was added to it is kept of {', '.join(additions)}"
    waiting = store.jobs.list(where=lambda job: job.task is task and not job.status.is_final)
    jobs = [job.job_id for job in waiting if _starts_from(job.request, checkpoint_id)]
    if jobs:
        yield f"it is where jobs start that have not ended: {', '.join(jobs)}"


def _serves(task: TaskName, key: str, checkpoint_id: str, store: Store) -> bool:
    """Whether a checkpoint serves a language or as the base."""
    live = store.deployments.live(task, key)
    return live is not None and live.checkpoint_id == checkpoint_id


def _starts_from(request: object, checkpoint_id: str) -> bool:
    """Whether a job adapts from a checkpoint."""
    return isinstance(request, AdaptJob) and request.base_id == checkpoint_id
