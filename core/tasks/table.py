"""The table of tasks: a new one is a folder beside this file, a line here, and one in `curricula`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from core.contracts.values import TaskName
from core.tasks.mtod.task import MtodTask
from core.tasks.qa.task import QaTask
from core.tasks.task import Task

TASKS: Final[Mapping[TaskName, Task[Any, Any, Any]]] = MappingProxyType(
    {TaskName.MTOD: MtodTask(), TaskName.QA: QaTask()}
)
