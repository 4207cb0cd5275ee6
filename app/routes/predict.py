"""POST /predict/mtod."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.answers import MtodPredictions
from app.bodies import json_body
from app.dependencies import Serving
from app.openapi import READS_A_BODY, body, problems
from app.requests import PredictRequest

router = APIRouter(prefix="/predict", tags=["prediction"])


@router.post(
    "/mtod",
    summary="Intent and slots of utterances",
    responses=problems(*READS_A_BODY, 404, 503, 507),
    openapi_extra=body(PredictRequest),
)
async def predict_mtod(
    request: Annotated[PredictRequest, Depends(json_body(PredictRequest))], services: Serving
) -> MtodPredictions:
    """Understand each utterance with the model of its language; `adapted` tells whether it learnt it.

    A language nobody has adapted is answered zero-shot by the base, and `es-MX` by `es`.
    """
    return await services.mtod.predict(request)
