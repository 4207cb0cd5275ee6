"""The engines of the registered tasks, imported (with torch) when they are first needed."""

from functools import cache
from importlib.metadata import EntryPoint
from typing import Any

from core.plugins import GROUP
from core.tasks.engine import TaskEngine
from core.tasks.registry import task_spec


@cache
def task_engine(task: str) -> TaskEngine[Any, Any, Any]:
    """Return the engine of a task.

    Raises:
        NotFound: There is no task of that name.
    """
    engine: TaskEngine[Any, Any, Any] = EntryPoint(task, task_spec(task).engine, GROUP).load()()
    return engine
