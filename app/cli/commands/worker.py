"""``xmetra worker``: a process that trains."""

import os
import sys
from typing import Annotated

import typer

from app.cli.options import DEFAULT_REDIS, DEFAULT_STORE, AsJson, RedisUrl, StoreUrl
from app.cli.rendering.console import write_json
from app.devstack.subprocesses import program, program_environment


def worker(
    *,
    redis_url: RedisUrl = DEFAULT_REDIS,
    store_url: StoreUrl = DEFAULT_STORE,
    device: Annotated[
        str, typer.Option(envvar="XMETRA_DEVICE", help="Device to train on: auto, cpu, cuda or cuda:1.")
    ] = "auto",
    threads: Annotated[
        int, typer.Option(envvar="XMETRA_THREADS", help="Number of threads; 0 for one on each core.", min=0)
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Start a worker, which trains models; run one for each device.

    Example: [bold]xmetra worker --redis-url redis://10.0.0.2:6379/0 --store-url /srv/xmetra[/]
    """
    os.environ.update(
        XMETRA_REDIS_URL=redis_url,
        XMETRA_STORE_URL=store_url,
        XMETRA_DEVICE=device,
        XMETRA_THREADS=str(threads),
    )
    if as_json:
        write_json({"process": os.getpid(), "device": device, "threads": threads})
        sys.stdout.flush()
    # The worker replaces this process, so that it receives the signals.
    command = program("worker.main")
    os.execve(command[0], command, program_environment())  # noqa: S606  no part comes from the user
