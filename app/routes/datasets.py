"""POST /datasets and GET /datasets/{dataset_id}."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.dependencies import DatasetId, Serving
from app.openapi import READS_A_BODY, problems, task_body
from app.parsing.bodies import Submitted, submitted
from app.schemas.task_requests import dataset_requests
from app.schemas.training import DatasetRequest
from core.contracts.examples import DatasetManifest

router = APIRouter(tags=["training"])


@router.post(
    "/datasets",
    status_code=201,
    summary="Store labelled examples",
    response_description="The stored dataset",
    responses=problems(*READS_A_BODY, 503, 507),
    openapi_extra=task_body(dataset_requests(), files=("examples",)),
)
def store_dataset(
    submission: Annotated[Submitted[DatasetRequest], Depends(submitted(dataset_requests))],
    services: Serving,
    response: Response,
) -> DatasetManifest:
    """Store examples under the SHA-256 of their content: the same ones again get the same id."""
    request = submission.body
    manifest = services.store.datasets.put(request.examples, task=request.task, language=request.language)
    response.headers["location"] = f"/datasets/{manifest.dataset_id}"
    return manifest


@router.get(
    "/datasets/{dataset_id}",
    summary="Describe a stored dataset",
    response_description="The dataset",
    responses=problems(404, 422, 503),
)
def read_dataset(dataset_id: DatasetId, services: Serving) -> DatasetManifest:
    """Return the size, the intents and the slots of a dataset."""
    return services.store.datasets.manifest(dataset_id)
