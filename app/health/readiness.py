"""Readiness: each component of the service is used once."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from app.dependencies import Services
from app.inference.prediction_service import PredictionService
from app.schemas.prediction import predict_request
from app.schemas.responses import ComponentHealth, Readiness
from core.contracts.values import BASE
from core.errors import XmetraError


async def check_readiness(services: Services) -> Readiness:
    """Use every component once."""
    redis = await run_in_threadpool(_check, services.queue.ping)
    store = await run_in_threadpool(_check, services.store.check)
    model = await check_models(services)
    is_ready = all(component.status != "failed" for component in (redis, store, model))
    return Readiness(status="ready" if is_ready else "not ready", redis=redis, store=store, model=model)


def _check(use: Callable[[], None]) -> ComponentHealth:
    try:
        use()
    except XmetraError as error:
        return ComponentHealth(status="failed", detail=str(error))
    return ComponentHealth(status="ok")


async def check_models(services: Services) -> ComponentHealth:
    """Run the base of each task; before the first base is made, nothing can fail."""
    try:
        answered = [await _probe(predictor) for predictor in services.predictors.values()]
    except XmetraError as error:
        return ComponentHealth(status="failed", detail=str(error))
    if not any(answered):
        return ComponentHealth(status="absent", detail="there is no base yet: POST /pretrain makes one")
    return ComponentHealth(status="ok")


async def _probe(predictor: PredictionService) -> bool:
    """Predict the smallest input of a task, and return whether the task has a base."""
    spec = predictor.spec
    base = await run_in_threadpool(predictor.deployments.live, spec.name, BASE)
    if base is None:
        return False
    fields = {spec.inputs_field: (spec.probe,), "language": "und", "checkpoint": base.checkpoint_id}
    await predictor.predict(predict_request(spec.name).model_validate(fields))
    return True
