"""The API as an ASGI application: `uvicorn --factory app.main:create_app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import create_task_group
from fastapi import FastAPI

from app import openapi
from app.dependencies import Services
from app.health.warmup import warm_up
from app.observability.access_log import AccessLog
from app.observability.request_context import RequestIds
from app.parsing import problems
from app.parsing.body_limit import BodyLimit
from app.routes import (
    adapt,
    checkpoints,
    datasets,
    docs,
    evaluate,
    health,
    jobs,
    languages,
    metrics,
    predict,
    pretrain,
)
from app.schemas.limits import Limits
from app.security.authentication import Authentication, LoopbackOnly
from app.security.key_store import KeyStore
from app.security.rate_limits import RateLimits
from app.settings import Settings
from app.version import installed_version
from core.system.compute import configure_computing
from core.system.logging import configure_logging

ROUTERS = (
    pretrain.router,
    datasets.router,
    adapt.router,
    jobs.router,
    predict.predict_router(),
    evaluate.router,
    languages.router,
    checkpoints.router,
    health.router,
    metrics.router,
    docs.router,
)


def create_app(settings: Settings | None = None, *, services: Services | None = None) -> FastAPI:
    """Create the app.

    No connection is opened: the app starts without Redis, store or model, and ``/health/ready`` reports what
    is missing.

    Args:
        settings: The settings; read from the environment by default.
        services: The services the routes depend on; tests pass their own.

    Raises:
        InvalidInput: The key file is invalid; contains all its faults.
    """
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with create_task_group() as background:
            if chosen.preload:
                background.start_soon(warm_up, app.state.services)
            yield
            background.cancel_scope.cancel()
        app.state.services.queue.close()

    app = openapi.DescribedApp(
        title="xmetra",
        version=installed_version(),
        summary="Few-shot cross-lingual NLU as a service.",
        description=openapi.description(),
        openapi_tags=openapi.TAGS,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        redirect_slashes=False,
    )
    app.state.services = services or _services(chosen)
    app.state.limits = Limits.of(chosen)
    app.state.rate_limits = RateLimits.of(chosen)
    app.state.encoder = chosen.encoder
    problems.install(app)
    app.add_middleware(
        BodyLimit,
        max_bytes=chosen.max_body_bytes,
        of_routes={("POST", "/checkpoints"): chosen.max_archive_bytes},
    )
    if chosen.keys_file is not None:
        app.add_middleware(Authentication, keys=KeyStore(chosen.keys_file))
    elif not chosen.insecure:
        app.add_middleware(LoopbackOnly)
    described = [route for router in ROUTERS for route in router.routes]
    app.add_middleware(AccessLog, routes=[*app.routes, *described])
    app.add_middleware(RequestIds)
    for router in ROUTERS:
        app.include_router(router)
    return app


def _services(settings: Settings) -> Services:
    """Create the services, and configure logging and compute threads for the whole process.

    The number of threads must be set before torch is imported.
    """
    configure_logging(level=settings.log_level, style=settings.log_format)
    configure_computing(settings.threads)
    return Services.of(settings)
