"""Whether each part the service stands on works, found out by using it."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from app.answers import Part, Ready
from app.asking import PredictRequest, Utterance
from app.dependencies import Services
from core.contracts.values import TaskName
from core.errors import XmetraError
from core.store.names import BASE

PROBE_TEXT = "hello"
"""The shortest text that is a forward pass."""


async def look(services: Services) -> Ready:
    """Use every part once."""
    redis = await run_in_threadpool(_tried, services.queue.ping)
    store = await run_in_threadpool(_tried, services.store.check)
    model = await try_model(services)
    works = all(part.status != "failed" for part in (redis, store, model))
    return Ready(status="ready" if works else "not ready", redis=redis, store=store, model=model)


def _tried(use: Callable[[], None]) -> Part:
    """Use a part, and tell how that went."""
    try:
        use()
    except XmetraError as error:
        return Part(status="failed", detail=str(error))
    return Part(status="ok")


async def try_model(services: Services) -> Part:
    """Run the base; before the first one is made there is nothing to fail."""
    try:
        live = await run_in_threadpool(services.live.live, TaskName.MTOD, BASE)
        if live is None:
            return Part(status="absent", detail="there is no base yet: POST /pretrain makes one")
        probe = PredictRequest(
            utterances=(Utterance(text=PROBE_TEXT),), language="und", checkpoint=live.checkpoint_id
        )
        await services.mtod.predict(probe)
    except XmetraError as error:
        return Part(status="failed", detail=str(error))
    return Part(status="ok")
