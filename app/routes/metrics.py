"""GET /metrics."""

from fastapi import APIRouter, Request, Response

from app.dependencies import Serving
from app.openapi import problems

router = APIRouter(tags=["operations"])

TEXT = {"schema": {"type": "string"}}

EXPOSITION = {
    "description": "Prometheus text format, or OpenMetrics if the client accepts it",
    "content": {"text/plain": TEXT, "application/openmetrics-text": TEXT},
}


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: EXPOSITION, **problems()},
)
def read_metrics(services: Serving, request: Request) -> Response:
    """Return the metrics of this process, and those of jobs and workers that Redis holds.

    While Redis is unavailable, `xmetra_redis_up` is 0 and the other metrics are still returned.
    """
    text, content_type = services.metrics.exposition(request.headers.get("accept", ""))
    return Response(text, headers={"content-type": content_type})
