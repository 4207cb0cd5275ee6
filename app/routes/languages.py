"""GET /languages."""

from fastapi import APIRouter

from app.answers import Languages
from app.dependencies import Serving
from app.openapi import problems
from app.overview import served_task
from core.contracts.values import TaskName

router = APIRouter(prefix="/languages", tags=["prediction"])


@router.get("", summary="What is served", responses=problems(503))
def list_languages(services: Serving) -> Languages:
    """Return every language that has a model of its own, and the base that answers all others zero-shot."""
    return Languages(tasks=tuple(served_task(task, services.store) for task in TaskName))
