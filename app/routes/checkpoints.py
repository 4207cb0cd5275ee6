"""GET, POST and DELETE /checkpoints: trained models and their archives."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from app.dependencies import CheckpointId, Serving
from app.openapi import READS_A_BODY, problems
from app.registry import catalogue
from app.registry.archives import TAR, pack
from app.registry.deletion import delete
from app.registry.importing import ReceivedArchive, import_archive
from app.schemas.checkpoints import CheckpointFilter, CheckpointPage, CheckpointView
from core.contracts.values import TaskName

router = APIRouter(prefix="/checkpoints", tags=["models"])

OfTask = Annotated[
    TaskName | None,
    Query(description="Name of a task; needed only if several tasks have a checkpoint of this id."),
]

ARCHIVE = {TAR: {"schema": {"type": "string", "contentMediaType": TAR}}}


@router.get(
    "",
    summary="List checkpoints",
    response_description="A page of checkpoints",
    responses=problems(422, 503),
)
def list_checkpoints(
    checkpoint_filter: Annotated[CheckpointFilter, Query()], services: Serving
) -> CheckpointPage:
    """Return checkpoints, newest first, with the languages that each of them serves."""
    return catalogue.page(checkpoint_filter, services.store)


@router.post(
    "",
    status_code=201,
    summary="Import a checkpoint",
    response_description="The imported checkpoint",
    responses={
        200: {
            "model": CheckpointView,
            "description": "The checkpoint exists already; nothing was changed",
        },
        **problems(*READS_A_BODY, 409, 503, 507),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "An archive as `GET /checkpoints/{checkpoint_id}/archive` returns it.",
            "content": ARCHIVE,
        }
    },
)
def import_checkpoint(archive: ReceivedArchive, services: Serving, response: Response) -> CheckpointView:
    """Import an archive that `GET /checkpoints/{checkpoint_id}/archive` of any service returned.

    Names, sizes and checksums are checked before anything is stored. A checkpoint that holds only changes to
    a base needs that base first. An import deploys nothing: `PUT /languages/{task}/{language}` does.
    """
    manifest, is_new = import_archive(archive, services.store)
    response.status_code = 201 if is_new else 200
    response.headers["location"] = f"/checkpoints/{manifest.checkpoint_id}"
    return catalogue.view(manifest.task, manifest.checkpoint_id, services.store)


@router.get(
    "/{checkpoint_id}",
    summary="Describe a checkpoint",
    response_description="The checkpoint",
    responses=problems(404, 409, 422, 503),
)
def read_checkpoint(checkpoint_id: CheckpointId, services: Serving, task: OfTask = None) -> CheckpointView:
    """Return the manifest of a checkpoint, and the languages that it serves."""
    task = catalogue.locate(checkpoint_id, task, services.store)
    return catalogue.view(task, checkpoint_id, services.store)


@router.delete(
    "/{checkpoint_id}",
    status_code=204,
    summary="Delete a checkpoint",
    response_description="The checkpoint is deleted",
    responses=problems(404, 409, 422, 503),
)
def delete_checkpoint(checkpoint_id: CheckpointId, services: Serving, task: OfTask = None) -> None:
    """Delete a checkpoint that serves no language, and that no other checkpoint and no open job needs."""
    task = catalogue.locate(checkpoint_id, task, services.store)
    delete(task, checkpoint_id, services.store)
    services.forget(task, checkpoint_id)


@router.get(
    "/{checkpoint_id}/archive",
    summary="Export a checkpoint",
    response_class=StreamingResponse,
    responses={
        200: {"description": "A tar archive of the manifest and all files", "content": ARCHIVE},
        **problems(404, 409, 422, 503, 507),
    },
)
def export_checkpoint(
    checkpoint_id: CheckpointId, services: Serving, task: OfTask = None
) -> StreamingResponse:
    """Return a checkpoint as a tar archive, uncompressed; equal checkpoints give equal bytes."""
    task = catalogue.locate(checkpoint_id, task, services.store)
    manifest = services.store.checkpoints.manifest(task, checkpoint_id)
    archive = pack(manifest, services.store.checkpoints.fetch(task, checkpoint_id))
    headers = {
        "content-length": str(archive.size),
        "content-disposition": f'attachment; filename="{checkpoint_id}.tar"',
    }
    return StreamingResponse(archive.chunks, media_type=TAR, headers=headers)
