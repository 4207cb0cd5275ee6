"""Whether each part the service stands on works, found out by using it."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from app.dependencies import Services
from app.schemas.prediction import MtodPredictRequest, QaPredictRequest, QuestionInput, Utterance
from app.schemas.responses import Part, Ready
from core.contracts.values import TaskName
from core.errors import XmetraError
from core.store.names import BASE

PROBE_TEXT = "hello"
"""The shortest text that is a forward pass."""


async def check_readiness(services: Services) -> Ready:
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
    """Run the base of each task; before the first one is made there is nothing to fail."""
    try:
        asked = [await _try_mtod(services), await _try_qa(services)]
    except XmetraError as error:
        return Part(status="failed", detail=str(error))
    if not any(asked):
        return Part(status="absent", detail="there is no base yet: POST /pretrain makes one")
    return Part(status="ok")


async def _try_mtod(services: Services) -> bool:
    """Have an utterance understood, if there is a base."""
    base = await _base(services, TaskName.MTOD)
    if base is not None:
        utterances = (Utterance(text=PROBE_TEXT),)
        await services.mtod.predict(
            MtodPredictRequest(utterances=utterances, language="und", checkpoint=base)
        )
    return base is not None


async def _try_qa(services: Services) -> bool:
    """Have a question answered, if there is a base."""
    base = await _base(services, TaskName.QA)
    if base is not None:
        questions = (QuestionInput(question=PROBE_TEXT, context=PROBE_TEXT),)
        await services.qa.predict(QaPredictRequest(questions=questions, language="und", checkpoint=base))
    return base is not None


async def _base(services: Services, task: TaskName) -> str | None:
    """Return the base that serves a task."""
    live = await run_in_threadpool(services.live.live, task, BASE)
    return None if live is None else live.checkpoint_id
