"""``xmetra up``: the whole service on this machine."""

import os
import sys
from typing import Annotated

import typer

from app.cli.options import DEFAULT_DATA, AsJson, DataFolder
from app.cli.rendering.console import messages, results, write_json
from app.devstack.stack import Stack


def up(
    *,
    data: DataFolder = DEFAULT_DATA,
    port: Annotated[
        int, typer.Option(help="Port of the API; a free one is used if it is taken.", min=0, max=65535)
    ] = 8000,
    as_json: AsJson = False,
) -> None:
    """Start the whole service on this machine: Redis, one worker and the API.

    It runs in the foreground. Ctrl-C stops all processes; models and jobs stay in the data folder.

    Example: [bold]xmetra up --data .data[/]
    """
    console = messages()
    try:
        with Stack(data, port=port) as stack:
            with console.status("starting Redis, a worker and the API"):
                stack.wait_until_ready()
            _print_addresses(stack, requested_port=port, as_json=as_json)
            stack.wait()
    except KeyboardInterrupt:
        console.print("stopped")


def _print_addresses(stack: Stack, *, requested_port: int, as_json: bool) -> None:
    """Print the address of the service and the folders of its files."""
    if as_json:
        write_json(
            {"url": stack.url, "store": str(stack.store), "logs": str(stack.logs), "process": os.getpid()}
        )
        sys.stdout.flush()
        return
    console = results()
    if requested_port not in {0, stack.port}:
        console.print(f"port {requested_port} is taken; using {stack.port}")
    console.print(f"API    [bold]{stack.url}[/]   (documentation: {stack.url}/docs)")
    console.print(f"store  {stack.store}")
    console.print(f"logs   {stack.logs}")
    console.print("Ctrl-C stops everything.", style="dim")
