"""Deployments of a language: view, deploy and roll back."""

from contextlib import suppress

from app.inference.deployment_cache import is_adapted
from app.parsing.preconditions import Precondition
from app.registry.served_models import scores_of
from app.schemas.checkpoints import DeployRequest, LanguageView, PastDeployment
from core.contracts.reports import CheckpointManifest, Deployment
from core.contracts.values import BASE, TaskName, Trainable
from core.errors import Conflict, NotFound, PreconditionFailed
from core.plugins import task_names
from core.store import Store


def view(task: TaskName, key: str, store: Store) -> LanguageView:
    """Return the live deployment of a language and its history.

    Raises:
        NotFound: Nothing was ever deployed.
        CorruptArtifact: The record of the live deployment cannot be read.
    """
    live = store.deployments.live(task, key)
    if live is None:
        raise _nothing_served(task, key)
    available = {manifest.checkpoint_id: manifest for manifest in store.checkpoints.list(task)}
    manifest = available.get(live.checkpoint_id)
    history = store.deployments.history(task, key)
    return LanguageView(
        task=task,
        language=key,
        live=live,
        adapted=key != BASE and manifest is not None and is_adapted(manifest, key),
        scores=scores_of(manifest),
        history=tuple(
            PastDeployment(**dict(deployment), available=deployment.checkpoint_id in available)
            for deployment in history
        ),
    )


def deploy(
    task: TaskName, key: str, request: DeployRequest, *, precondition: Precondition, store: Store
) -> Deployment:
    """Deploy a checkpoint to a language.

    Raises:
        NotFound: The checkpoint does not exist.
        Conflict: It cannot be deployed to this language.
        PreconditionFailed: Another deployment is live than the client expects.
    """
    _refuse_unfit(_manifest(task, request.checkpoint_id, store), key, store)
    expected = precondition.number(store.deployments.latest(task, key))
    deployment = store.deployments.deploy(
        task, key, request.checkpoint_id, reason=request.reason, expected=expected
    )
    if not store.checkpoints.exists(task, request.checkpoint_id):
        # Deleted between our check and our record, which the deletion could not see.
        with suppress(Conflict, PreconditionFailed):
            _append_previous(task, key, deployment.number, store)
        raise Conflict(f"checkpoint {request.checkpoint_id} was deleted meanwhile; deploy another")
    return deployment


def roll_back(task: TaskName, key: str, *, precondition: Precondition, store: Store) -> Deployment:
    """Deploy the previous other checkpoint that still exists.

    Raises:
        NotFound: Nothing was ever deployed.
        Conflict: There is no other checkpoint, or another deployment was made at the same time.
        PreconditionFailed: Another deployment is live than the client expects.
    """
    latest = store.deployments.latest(task, key)
    if latest == 0:
        raise _nothing_served(task, key)
    precondition.number(latest)
    try:
        return _append_previous(task, key, latest, store)
    except PreconditionFailed as error:
        if precondition.is_given:
            raise
        raise Conflict(f"another deployment was made at the same time: {error}") from None


def _append_previous(task: TaskName, key: str, latest: int, store: Store) -> Deployment:
    """Deploy the previous other checkpoint again, if `latest` is still live.

    A live record that cannot be read is rolled back, too: to the deployment before it.
    """
    history = store.deployments.history(task, key)
    live = {deployment.checkpoint_id for deployment in history if deployment.number == latest}
    for earlier in history:
        is_other = earlier.number < latest and earlier.checkpoint_id not in live
        if is_other and store.checkpoints.exists(task, earlier.checkpoint_id):
            reason = f"rolled back from deployment {latest} to {earlier.number}"
            return store.deployments.deploy(task, key, earlier.checkpoint_id, reason=reason, expected=latest)
    raise Conflict(f"no other checkpoint that is still there has served {key} of {task} before")


def _manifest(task: TaskName, checkpoint_id: str, store: Store) -> CheckpointManifest:
    """Return the manifest of a checkpoint.

    Raises:
        NotFound: The checkpoint does not exist.
        Conflict: It is of another task.
    """
    try:
        return store.checkpoints.manifest(task, checkpoint_id)
    except NotFound:
        for other in task_names():
            if store.checkpoints.exists(other, checkpoint_id):
                raise Conflict(f"checkpoint {checkpoint_id} is of {other}, not of {task}") from None
        raise


def _refuse_unfit(manifest: CheckpointManifest, key: str, store: Store) -> None:
    """Refuse a checkpoint that could not predict for this language.

    Raises:
        Conflict: It holds only changes to a base and would be the base, or its own base does not exist.
    """
    if manifest.trainable is Trainable.ALL or manifest.base_id is None:
        return
    if key == BASE:
        raise Conflict(
            f"checkpoint {manifest.checkpoint_id} holds only what was added to {manifest.base_id}; "
            "only a whole one can be the base"
        )
    if not store.checkpoints.exists(manifest.task, manifest.base_id):
        raise Conflict(
            f"checkpoint {manifest.checkpoint_id} holds only what was added to {manifest.base_id}, "
            "which is not there"
        )


def _nothing_served(task: TaskName, key: str) -> NotFound:
    return NotFound(f"nothing was ever deployed for {key} of {task}")
