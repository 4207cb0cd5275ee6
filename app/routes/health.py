"""GET /health/live and GET /health/ready."""

from fastapi import APIRouter, Response

from app.dependencies import Serving
from app.health.readiness import check_readiness
from app.schemas.responses import Live, Ready

router = APIRouter(prefix="/health", tags=["operations"])


@router.get("/live", summary="Whether the process runs")
async def live() -> Live:
    """Answer, whatever else fails: a process that answers need not be restarted."""
    return Live()


@router.get(
    "/ready",
    summary="Whether the service can work",
    responses={503: {"model": Ready, "description": "A part fails, and which"}},
)
async def ready(services: Serving, response: Response) -> Ready:
    """Ask Redis, write to the store, and run the base: each part says for itself whether it works."""
    state = await check_readiness(services)
    response.status_code = 200 if state.status == "ready" else 503
    return state
