"""The table of tasks: a new one is a folder beside this file, a line here, and one in `curricula`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from core.contracts.values import TaskName
from core.tasks.engine import Task
from core.tasks.mtod.engine import MtodTask
from core.tasks.qa.engine import QaTask

TASKS: Final[Mapping[TaskName, Task[Any, Any, Any]]] = MappingProxyType(
    {TaskName.MTOD: MtodTask(), TaskName.QA: QaTask()}
)
