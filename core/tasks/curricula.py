"""The table of tasks, as far as planning goes: torch-free."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from core.contracts.values import TaskName
from core.tasks.curriculum import Curriculum
from core.tasks.mtod.curriculum import MtodCurriculum
from core.tasks.qa.curriculum import QaCurriculum

CURRICULA: Final[Mapping[TaskName, Curriculum[Any]]] = MappingProxyType(
    {TaskName.MTOD: MtodCurriculum(), TaskName.QA: QaCurriculum()}
)
