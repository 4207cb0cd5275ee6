"""POST /evaluate."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.dependencies import Serving
from app.inference.disconnect import while_connected
from app.inference.evaluation import evaluate_examples
from app.openapi import READS_A_BODY, problems, task_body
from app.parsing.bodies import Submitted, submitted
from app.schemas.responses import EvaluationResult
from app.schemas.task_requests import evaluate_requests
from app.schemas.training import EvaluateRequest
from app.security.rate_limits import PredictionRateLimit

router = APIRouter(tags=["prediction"])


@router.post(
    "/evaluate",
    summary="Scores of a model on labelled examples",
    response_description="The scores",
    responses=problems(*READS_A_BODY, 404, 409, 429, 503, 507),
    openapi_extra=task_body(evaluate_requests(), files=("examples",)),
)
async def evaluate(
    submission: Annotated[Submitted[EvaluateRequest], Depends(submitted(evaluate_requests))],
    services: Serving,
    rate_limit: PredictionRateLimit,
    http: Request,
) -> EvaluationResult:
    """Predict labelled examples with the model that serves their language, or a named one, and score it."""
    request = submission.body
    examples = await services.examples_of(request)
    with rate_limit.acquire(len(examples)):
        predictor = services.predictors[request.task]
        limits = http.app.state.limits
        return await while_connected(http, lambda: evaluate_examples(request, examples, predictor, limits))
