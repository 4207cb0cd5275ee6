"""GET, POST and DELETE /checkpoints: the models that were made."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from app.dependencies import CheckpointId, Serving
from app.openapi import READS_A_BODY, problems
from app.registry import catalogue
from app.registry.archives import TAR, packed
from app.registry.deletion import delete
from app.registry.importing import ReceivedArchive, import_archive
from app.schemas.registry import CheckpointFilter, CheckpointPage, CheckpointView
from core.contracts.values import TaskName

router = APIRouter(prefix="/checkpoints", tags=["models"])

OfTask = Annotated[
    TaskName | None, Query(description="Only needed if both tasks have a checkpoint of that name.")
]

ARCHIVE = {TAR: {"schema": {"type": "string", "contentMediaType": TAR}}}


@router.get("", summary="List checkpoints", responses=problems(422, 503))
def list_checkpoints(chosen: Annotated[CheckpointFilter, Query()], services: Serving) -> CheckpointPage:
    """Return the models that were made, newest first, and what each of them serves now."""
    return catalogue.page(chosen, services.store)


@router.post(
    "",
    status_code=201,
    summary="Import a checkpoint",
    responses={
        200: {"model": CheckpointView, "description": "It was here already; nothing has changed"},
        **problems(*READS_A_BODY, 409, 503, 507),
    },
    openapi_extra={"requestBody": {"required": True, "content": ARCHIVE}},
)
def import_checkpoint(archive: ReceivedArchive, services: Serving, response: Response) -> CheckpointView:
    """Take in an archive that `GET /checkpoints/{checkpoint_id}/archive` gave, here or elsewhere.

    Names, sizes and checksums are checked before anything is stored. What was only added to a base needs
    that base here first. Nothing serves because of it: `PUT /languages/{task}/{language}` does that.
    """
    manifest, is_new = import_archive(archive, services.store)
    response.status_code = 201 if is_new else 200
    response.headers["location"] = f"/checkpoints/{manifest.checkpoint_id}"
    return catalogue.view(manifest.task, manifest.checkpoint_id, services.store)


@router.get("/{checkpoint_id}", summary="What a checkpoint is", responses=problems(404, 409, 422, 503))
def read_checkpoint(checkpoint_id: CheckpointId, services: Serving, task: OfTask = None) -> CheckpointView:
    """Return the manifest of a checkpoint, and what it serves now."""
    found = catalogue.located(checkpoint_id, task, services.store)
    return catalogue.view(found, checkpoint_id, services.store)


@router.delete(
    "/{checkpoint_id}",
    status_code=204,
    summary="Delete a checkpoint",
    responses=problems(404, 409, 422, 503),
)
def delete_checkpoint(checkpoint_id: CheckpointId, services: Serving, task: OfTask = None) -> None:
    """Delete a checkpoint that serves nothing, that no other was added to and that no job starts from."""
    found = catalogue.located(checkpoint_id, task, services.store)
    delete(found, checkpoint_id, services.store)
    services.forget(found, checkpoint_id)


@router.get(
    "/{checkpoint_id}/archive",
    summary="Export a checkpoint",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The manifest and all files, uncompressed", "content": ARCHIVE},
        **problems(404, 409, 422, 503, 507),
    },
)
def export_checkpoint(
    checkpoint_id: CheckpointId, services: Serving, task: OfTask = None
) -> StreamingResponse:
    """Return a checkpoint as a tar archive; the same checkpoint gives the same bytes."""
    found = catalogue.located(checkpoint_id, task, services.store)
    manifest = services.store.checkpoints.manifest(found, checkpoint_id)
    archive = packed(manifest, services.store.checkpoints.fetch(found, checkpoint_id))
    headers = {
        "content-length": str(archive.size),
        "content-disposition": f'attachment; filename="{checkpoint_id}.tar"',
    }
    return StreamingResponse(archive.chunks, media_type=TAR, headers=headers)
