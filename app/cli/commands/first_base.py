"""``xmetra first-base``: a base for a new service."""

from enum import StrEnum
from typing import Annotated

import typer

from app.cli.demo.bases import ensure_base
from app.cli.demo.scenarios import demo_tasks
from app.cli.options import SAMPLES, Key, Samples, Url
from app.cli.rendering.console import messages
from app.cli.service_connection import connect
from core.contracts.values import MTOD, QA, TaskName
from core.plugins import task_names
from xmetra_client import DEFAULT_URL


class BaseChoice(StrEnum):
    """Tasks that get a base."""

    NONE = "none"
    MTOD = "mtod"
    QA = "qa"
    ALL = "all"

    @property
    def tasks(self) -> frozenset[TaskName]:
        """Names of the tasks."""
        return {
            BaseChoice.NONE: frozenset[TaskName](),
            BaseChoice.MTOD: frozenset({MTOD}),
            BaseChoice.QA: frozenset({QA}),
            BaseChoice.ALL: frozenset(task_names()),
        }[self]


def first_base(
    *,
    task: Annotated[
        BaseChoice, typer.Option(envvar="XMETRA_FIRST_BASE", help="Task that gets a base.")
    ] = BaseChoice.MTOD,
    encoder: Annotated[
        str,
        typer.Option(envvar="XMETRA_ENCODER", help="Encoder: embedded, embedded-en, a hub id, or a folder."),
    ] = "embedded",
    samples: Samples = SAMPLES,
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Train a base on the samples if the service has none.

    It waits until the service is available, and may be repeated: there will be one base. The containers run
    it when they start for the first time.

    Example: [bold]xmetra first-base --task all[/]
    """
    console = messages()
    with connect(url, key) as client:
        for demo_task in demo_tasks(samples):
            if demo_task.task in task.tasks:
                ensure_base(client, demo_task, encoder=encoder, console=console)
    if task is BaseChoice.NONE:
        console.print("no base was requested; train one with `xmetra pretrain`")
