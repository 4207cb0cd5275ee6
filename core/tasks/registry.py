"""The table of tasks, as far as planning goes: torch-free."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from core.contracts.values import TaskName
from core.tasks.data_split import DataSplitter
from core.tasks.mtod.data_split import MtodDataSplitter
from core.tasks.qa.data_split import QaDataSplitter

DATA_SPLITTERS: Final[Mapping[TaskName, DataSplitter[Any]]] = MappingProxyType(
    {TaskName.MTOD: MtodDataSplitter(), TaskName.QA: QaDataSplitter()}
)
