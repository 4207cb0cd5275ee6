"""Warm-up of the API at its start: imports torch and loads the base models before the first prediction."""

import time

import structlog
from anyio import to_thread

from app.dependencies import Services
from app.health.readiness import check_models
from app.inference.model_cache import engine

log = structlog.get_logger(__name__)


async def warm_up(services: Services) -> None:
    """Import the engine, then predict once with each task's base, if it exists.

    An error is logged only: it occurs again, and is reported, at a prediction or at ``/health/ready``.

    Args:
        services: The services whose models are loaded.
    """
    started_at = time.monotonic()
    try:
        await to_thread.run_sync(engine, abandon_on_cancel=True)
        model = await check_models(services)
    except Exception:
        log.exception("warm_up_failed")
        return
    log.info("warmed_up", model=model.status, seconds=round(time.monotonic() - started_at, 1))
