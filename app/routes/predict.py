"""POST /predict/mtod and POST /predict/qa."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.answers import MtodPredictions, QaPredictions
from app.asking import AskRequest, PredictRequest
from app.bodies import json_body
from app.dependencies import Serving
from app.hangups import while_connected
from app.openapi import READS_A_BODY, body, problems
from app.rations import PredictionRation

router = APIRouter(prefix="/predict", tags=["prediction"])


@router.post(
    "/mtod",
    summary="Intent and slots of utterances",
    responses=problems(*READS_A_BODY, 404, 429, 503, 507),
    openapi_extra=body(PredictRequest),
)
async def predict_mtod(
    request: Annotated[PredictRequest, Depends(json_body(PredictRequest))],
    services: Serving,
    ration: PredictionRation,
    http: Request,
) -> MtodPredictions:
    """Understand each utterance with the model of its language; `adapted` tells whether it learnt it.

    A language nobody has adapted is answered zero-shot by the base, and `es-MX` by `es`.
    """
    with ration.spending(len(request.utterances)):
        return await while_connected(http, lambda: services.mtod.predict(request))


@router.post(
    "/qa",
    summary="Answers to questions on texts",
    responses=problems(*READS_A_BODY, 404, 429, 503, 507),
    openapi_extra=body(AskRequest),
)
async def predict_qa(
    request: Annotated[AskRequest, Depends(json_body(AskRequest))],
    services: Serving,
    ration: PredictionRation,
    http: Request,
) -> QaPredictions:
    """Answer each question by a part of its context, with the model of its language; the likeliest first.

    A context of any length is read, in windows; scores are comparable within a question. A language nobody
    has adapted is answered zero-shot by the base, and `es-MX` by `es`.
    """
    with ration.spending(len(request.questions)):
        return await while_connected(http, lambda: services.qa.predict(request))
