from typing import Any

import pytest

from core.contracts.values import MTOD, QA
from core.errors import NotFound
from core.tasks.engine import TaskEngine
from core.tasks.engines import task_engine
from core.tasks.mtod.engine import MtodEngine
from core.tasks.qa.engine import QaEngine
from tests.integration.ner.engine import NerEngine

ENGINES: dict[str, TaskEngine[Any, Any, Any]] = {MTOD: MtodEngine(), QA: QaEngine(), "ner": NerEngine()}
"""The annotation has mypy check the engines against the protocol: `task_engine` imports them by name."""


@pytest.mark.parametrize("task", [MTOD, QA])
def test_engine_is_the_one_that_the_spec_names(task: str) -> None:
    assert type(task_engine(task)) is type(ENGINES[task])
    assert task_engine(task) is task_engine(task)


def test_engine_of_an_unknown_task_is_refused() -> None:
    with pytest.raises(NotFound, match="no task 'tts'"):
        task_engine("tts")
