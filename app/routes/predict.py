"""POST /predict/mtod and POST /predict/qa."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.dependencies import Serving
from app.inference.disconnect import while_connected
from app.openapi import READS_A_BODY, body, problems
from app.parsing.bodies import json_body
from app.schemas.prediction import MtodPredictRequest, QaPredictRequest
from app.schemas.responses import MtodPredictions, QaPredictions
from app.security.rate_limits import PredictionRateLimit

router = APIRouter(prefix="/predict", tags=["prediction"])


@router.post(
    "/mtod",
    summary="Intent and slots of utterances",
    responses=problems(*READS_A_BODY, 404, 429, 503, 507),
    openapi_extra=body(MtodPredictRequest),
)
async def predict_mtod(
    request: Annotated[MtodPredictRequest, Depends(json_body(MtodPredictRequest))],
    services: Serving,
    ration: PredictionRateLimit,
    http: Request,
) -> MtodPredictions:
    """Understand each utterance with the model of its language; `adapted` tells whether it learnt it.

    A language nobody has adapted is answered zero-shot by the base, and `es-MX` by `es`.
    """
    with ration.acquire(len(request.utterances)):
        return await while_connected(http, lambda: services.mtod.predict(request))


@router.post(
    "/qa",
    summary="Answers to questions on texts",
    responses=problems(*READS_A_BODY, 404, 429, 503, 507),
    openapi_extra=body(QaPredictRequest),
)
async def predict_qa(
    request: Annotated[QaPredictRequest, Depends(json_body(QaPredictRequest))],
    services: Serving,
    ration: PredictionRateLimit,
    http: Request,
) -> QaPredictions:
    """Answer each question by a part of its context, with the model of its language; the likeliest first.

    A context of any length is read, in windows; scores are comparable within a question. A language nobody
    has adapted is answered zero-shot by the base, and `es-MX` by `es`.
    """
    with ration.acquire(len(request.questions)):
        return await while_connected(http, lambda: services.qa.predict(request))
