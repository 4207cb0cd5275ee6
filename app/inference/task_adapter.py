"""What a task is asked, as what predicts sees it: `app.inference.task_adapters` has one for each task."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.schemas.responses import Usage
from core.contracts.values import TaskName

ResponseT = TypeVar("ResponseT")


@dataclass(frozen=True, slots=True)
class Form(Generic[ResponseT]):
    """How one task is asked and answered.

    Attributes:
        task: Whose models answer.
        field: The request's list of what is asked; each item has a `language` of its own or None.
        asked: Item → what the model is asked.
        characters: Item → the length of that.
        told: (item, answer, language, whether adapted) → the prediction.
        response: (predictions, checkpoints, usage) → what the client is answered.
    """

    task: TaskName
    field: str
    asked: Callable[[Any], Any]
    characters: Callable[[Any], int]
    told: Callable[[Any, Any, str, bool], Any]
    response: Callable[[tuple[Any, ...], dict[str, str], Usage], ResponseT]
