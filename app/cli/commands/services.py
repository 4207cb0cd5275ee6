"""``xmetra up | serve | worker | demo``: the commands that start something."""

import contextlib
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from app.cli.demo.run import run_demo
from app.cli.exit_codes import UsageFault
from app.cli.options import DEFAULT_DATA, AsJson, DataFolder, Key, KeysFile
from app.cli.rendering.console import messages, results, write_json
from app.devstack.stack import Stack
from app.devstack.subprocesses import program, program_environment
from app.security.loopback import REMEDY, is_loopback
from core.contracts.values import Method

DEFAULT_REDIS = "redis://127.0.0.1:6379/0"
DEFAULT_STORE = ".data/store"
DEFAULT_PROXIES = "127.0.0.1,::1"

GOODBYE_SECONDS = 2
"""How long the API waits, when it ends, for requests and event streams that are still open."""

RedisUrl = Annotated[
    str, typer.Option("--redis-url", envvar="XMETRA_REDIS_URL", help="redis://, rediss:// or unix://.")
]
StoreUrl = Annotated[
    str,
    typer.Option(
        "--store-url", envvar="XMETRA_STORE_URL", help="A folder, or a URL such as s3://bucket/path."
    ),
]

Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure", envvar="XMETRA_INSECURE", help="Let whoever can reach it do anything, without keys."
    ),
]

ForwardedAllowIps = Annotated[
    str,
    typer.Option(
        "--forwarded-allow-ips",
        envvar="XMETRA_FORWARDED_ALLOW_IPS",
        help="Proxies whose X-Forwarded-For is believed: addresses and networks, by commas; * is anybody.",
    ),
]


def up(
    *,
    data: DataFolder = DEFAULT_DATA,
    port: Annotated[
        int, typer.Option(help="The port wanted; where it is taken, a free one.", min=0, max=65535)
    ] = 8000,
    as_json: AsJson = False,
) -> None:
    """Start everything on this machine: an embedded Redis, one worker and the API.

    It stays in the foreground; Ctrl-C stops all of it, and what was learnt stays in the data folder.

    Example: [bold]xmetra up --data .data[/]
    """
    console = messages()
    try:
        with Stack(data, port=port) as stack:
            with console.status("starting Redis, a worker and the API"):
                stack.wait_until_ready()
            _tell_where(stack, wanted=port, as_json=as_json)
            stack.wait()
    except KeyboardInterrupt:
        console.print("stopped")


def serve(  # noqa: PLR0913  a command line is its options
    *,
    host: Annotated[str, typer.Option(envvar="XMETRA_HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="XMETRA_PORT", help="The port to listen on.", min=0, max=65535)
    ] = 8000,
    redis_url: RedisUrl = DEFAULT_REDIS,
    store_url: StoreUrl = DEFAULT_STORE,
    keys_file: KeysFile = None,
    insecure: Insecure = False,
    forwarded_allow_ips: ForwardedAllowIps = DEFAULT_PROXIES,
    inherited: Annotated[list[int] | None, typer.Option("--socket", hidden=True)] = None,
    as_json: AsJson = False,
) -> None:
    """Start the API alone; it needs a Redis, and a worker somewhere that shares the store.

    Without keys it listens on this machine's own addresses only.

    Example: [bold]xmetra serve --redis-url redis://127.0.0.1:6379/0 --store-url /srv/xmetra[/]
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(fileno=number)) for number in inherited or ()]
        for address in [listening.getsockname()[0] for listening in sockets] or [host]:
            _refuse_exposure(address, keys_file=keys_file, insecure=insecure)
        os.environ.update(
            XMETRA_REDIS_URL=redis_url,
            XMETRA_STORE_URL=store_url,
            XMETRA_KEYS_FILE=str(keys_file or ""),
            XMETRA_INSECURE=str(insecure),
        )
        if as_json:
            write_json({"url": f"http://{host}:{port}", "process": os.getpid()})
        _serve(host, port, sockets, proxies=forwarded_allow_ips)


def _refuse_exposure(address: str, *, keys_file: Path | None, insecure: bool) -> None:
    """Raise `UsageFault` where others could reach a service without keys, and nobody said that they may."""
    if keys_file is None and not insecure and not is_loopback(address):
        place = address or "every address"
        raise UsageFault(f"{place} can be reached by others, and there are no keys.\n{REMEDY}")


def _serve(host: str, port: int, sockets: list[socket.socket], *, proxies: str) -> None:
    """Run the API until it is told to end; a proxy that is named may say who calls."""
    config = uvicorn.Config(
        "app.main:create_app",
        factory=True,
        host=host,
        port=port,
        log_config=None,  # the app sets how everything is logged
        access_log=False,
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )
    server = uvicorn.Server(config)
    server.run(sockets=sockets or None)
    if not server.started:
        raise typer.Exit(1)


def worker(
    *,
    redis_url: RedisUrl = DEFAULT_REDIS,
    store_url: StoreUrl = DEFAULT_STORE,
    device: Annotated[str, typer.Option(envvar="XMETRA_DEVICE", help="auto, cpu, cuda or cuda:1.")] = "auto",
    threads: Annotated[
        int, typer.Option(envvar="XMETRA_THREADS", help="Threads; 0 means every core.", min=0)
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Start one worker; start as many as there are devices.

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
    # The worker takes this process's place, so that signals reach it; its code is none of the app's.
    command = program("worker.main")
    os.execve(command[0], command, program_environment())  # noqa: S606  nothing but our own words


def demo(
    *,
    data: DataFolder = DEFAULT_DATA,
    samples: Annotated[
        Path, typer.Option(help="The folder of the samples.", exists=True, file_okay=False)
    ] = Path("samples"),
    baseline: Annotated[
        list[Method] | None,
        typer.Option(help="Another method to train beside it, such as ft.", show_default=False),
    ] = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Watch a service learn Spanish and Thai utterances and Swahili questions, and answer in them.

    It starts everything `xmetra up` starts, makes the English bases if there are none, adapts them to each
    language over HTTP, shows what that brought, and stops everything again.

    Example: [bold]xmetra demo --baseline ft[/]
    """
    run_demo(data, samples=samples, baselines=tuple(baseline or ()), key=key, as_json=as_json)


def _tell_where(stack: Stack, *, wanted: int, as_json: bool) -> None:
    """Print where the service is."""
    if as_json:
        write_json(
            {"url": stack.url, "store": str(stack.store), "logs": str(stack.logs), "process": os.getpid()}
        )
        sys.stdout.flush()
        return
    console = results()
    if wanted not in {0, stack.port}:
        console.print(f"port {wanted} is taken, so here it is {stack.port}")
    console.print(f"API    [bold]{stack.url}[/]   (documentation: {stack.url}/docs)")
    console.print(f"store  {stack.store}")
    console.print(f"logs   {stack.logs}")
    console.print("Ctrl-C stops everything.", style="dim")
