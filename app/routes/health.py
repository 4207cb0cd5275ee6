"""GET /health/live and GET /health/ready."""

from fastapi import APIRouter, Response

from app.dependencies import Serving
from app.health.readiness import check_readiness
from app.schemas.responses import Liveness, Readiness

router = APIRouter(prefix="/health", tags=["operations"])


@router.get("/live", summary="Liveness", response_description="The process runs")
async def live() -> Liveness:
    """Respond whatever else fails: a process that responds need not be restarted."""
    return Liveness()


@router.get(
    "/ready",
    summary="Readiness",
    response_description="No component has failed",
    responses={503: {"model": Readiness, "description": "A component has failed"}},
)
async def ready(services: Serving, response: Response) -> Readiness:
    """Ping Redis, write to the store and run the base of each task, and return the health of each."""
    state = await check_readiness(services)
    response.status_code = 200 if state.status == "ready" else 503
    return state
