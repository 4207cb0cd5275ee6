"""``xmetra first-base``: what a new service needs before it can do anything."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.cli.demo.bases import ensure_base
from app.cli.demo.scenarios import demo_tasks
from app.cli.options import Key, Url
from app.cli.rendering.console import messages
from app.client.sync_client import Client
from app.client.transport import DEFAULT_URL
from core.contracts.values import TaskName


class Wanted(StrEnum):
    """Tasks to have a base for."""

    NONE = "none"
    MTOD = "mtod"
    QA = "qa"
    ALL = "all"

    @property
    def tasks(self) -> frozenset[TaskName]:
        """The tasks."""
        return {
            Wanted.NONE: frozenset[TaskName](),
            Wanted.MTOD: frozenset({TaskName.MTOD}),
            Wanted.QA: frozenset({TaskName.QA}),
            Wanted.ALL: frozenset(TaskName),
        }[self]


def first_base(
    *,
    task: Annotated[
        Wanted, typer.Option(envvar="XMETRA_FIRST_BASE", help="The tasks; none does nothing.")
    ] = Wanted.MTOD,
    encoder: Annotated[
        str, typer.Option(envvar="XMETRA_ENCODER", help="embedded, embedded-en, a hub id, or a folder.")
    ] = "embedded",
    samples: Annotated[
        Path, typer.Option(help="The folder of the samples.", exists=True, file_okay=False)
    ] = Path("samples"),
    url: Url = DEFAULT_URL,
    key: Key = None,
) -> None:
    """Make a base of the samples, if the service has none: the containers do it when they first start.

    It waits for a service that is not there yet, and makes no second base however often it runs.

    Example: [bold]xmetra first-base --task all[/]
    """
    console = messages()
    with Client(url, key=key) as client:
        for demo_task in demo_tasks(samples):
            if demo_task.task in task.tasks:
                ensure_base(client, demo_task, encoder=encoder, console=console)
    if task is Wanted.NONE:
        console.print("no base is wanted: make one with xmetra pretrain")
