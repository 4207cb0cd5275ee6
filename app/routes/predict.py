"""POST /predict/{task}: one route for each registered task."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.dependencies import Serving
from app.inference.disconnect import while_connected
from app.openapi import READS_A_BODY, body, problems
from app.parsing.bodies import json_body
from app.schemas.prediction import PredictRequest, predict_request
from app.schemas.responses import Predictions, predictions_response
from app.security.rate_limits import PredictionRateLimit
from core.tasks.registry import task_specs
from core.tasks.spec import TaskSpec

DESCRIPTION = (
    "Predict each input with the model of its language; `adapted` says whether the model was trained on it. "
    "A language without a checkpoint of its own is answered zero-shot by the base, and `es-MX` by `es`."
)


def predict_router() -> APIRouter:
    """Return the routes of all tasks."""
    router = APIRouter(prefix="/predict", tags=["prediction"])
    for spec in task_specs():
        router.add_api_route(
            f"/{spec.name}",
            _endpoint(spec),
            methods=["POST"],
            name=f"predict_{spec.name}",
            summary=spec.summary,
            description=f"{spec.description} {DESCRIPTION}".strip(),
            response_model=predictions_response(spec.name),
            response_description="The predictions, in the order of the inputs",
            responses=problems(*READS_A_BODY, 404, 429, 503, 507),
            openapi_extra=body(predict_request(spec.name)),
        )
    return router


def _endpoint(spec: TaskSpec) -> Callable[..., Awaitable[Predictions]]:
    model = predict_request(spec.name)

    async def predict(
        request: Annotated[PredictRequest, Depends(json_body(model))],
        services: Serving,
        rate_limit: PredictionRateLimit,
        http: Request,
    ) -> Predictions:
        with rate_limit.acquire(len(getattr(request, spec.inputs_field))):
            return await while_connected(http, lambda: services.predictors[spec.name].predict(request))

    return predict
