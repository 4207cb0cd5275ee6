"""What a first prediction would wait for, done while the api starts: importing torch, loading the base."""

import time

import structlog
from anyio import to_thread

from app.dependencies import Services
from app.health.readiness import try_model
from app.inference.model_cache import engine

log = structlog.get_logger(__name__)


async def warm_up(services: Services) -> None:
    """Import the engine, then answer once with the base, if there is one.

    What fails here fails again, and is told, when a prediction or ``/health/ready`` asks for it.

    Args:
        services: Whose models are loaded.
    """
    began = time.monotonic()
    try:
        await to_thread.run_sync(engine, abandon_on_cancel=True)
        model = await try_model(services)
    except Exception:
        log.exception("warm_up_failed")
        return
    log.info("warmed_up", model=model.status, seconds=round(time.monotonic() - began, 1))
