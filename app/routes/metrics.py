"""GET /metrics."""

from fastapi import APIRouter, Request, Response

from app.dependencies import Serving
from app.openapi import problems

router = APIRouter(tags=["operations"])

TEXT = {"schema": {"type": "string"}}

EXPOSITION = {
    "description": "Prometheus' text format; OpenMetrics for who accepts it",
    "content": {"text/plain": TEXT, "application/openmetrics-text": TEXT},
}


@router.get(
    "/metrics",
    summary="Numbers for Prometheus",
    response_class=Response,
    responses={200: EXPOSITION, **problems()},
)
def read_metrics(services: Serving, request: Request) -> Response:
    """Tell what this process measured, and what Redis knows of jobs and of the work of all workers.

    While Redis does not answer, `xmetra_redis_up` is 0 and everything else is told all the same.
    """
    text, content_type = services.metrics.exposition(request.headers.get("accept", ""))
    return Response(text, headers={"content-type": content_type})
