"""``xmetra serve``: the API alone."""

import contextlib
import os
import socket
from pathlib import Path
from typing import Annotated, Final

import typer
import uvicorn

from app.cli.exit_codes import UsageFault
from app.cli.options import DEFAULT_REDIS, DEFAULT_STORE, AsJson, KeysFile, RedisUrl, StoreUrl
from app.cli.rendering.console import write_json
from app.security.loopback import REMEDY, is_loopback

DEFAULT_PROXIES: Final = "127.0.0.1,::1"

GRACEFUL_SHUTDOWN_SECONDS: Final = 2
"""Time for open requests and event streams when the API is stopped."""

Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        envvar="XMETRA_INSECURE",
        help="Listen on addresses of the network without API keys: every client may do anything.",
    ),
]

ForwardedAllowIps = Annotated[
    str,
    typer.Option(
        "--forwarded-allow-ips",
        envvar="XMETRA_FORWARDED_ALLOW_IPS",
        help="Proxies whose X-Forwarded-For is trusted: addresses and networks with commas between; "
        "* trusts every client.",
    ),
]


def serve(  # noqa: PLR0913  a command line is its options
    *,
    host: Annotated[str, typer.Option(envvar="XMETRA_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="XMETRA_PORT", help="Port to listen on.", min=0, max=65535)
    ] = 8000,
    redis_url: RedisUrl = DEFAULT_REDIS,
    store_url: StoreUrl = DEFAULT_STORE,
    keys_file: KeysFile = None,
    insecure: Insecure = False,
    forwarded_allow_ips: ForwardedAllowIps = DEFAULT_PROXIES,
    inherited: Annotated[list[int] | None, typer.Option("--socket", hidden=True)] = None,
    as_json: AsJson = False,
) -> None:
    """Start the API; it needs Redis, and a worker that uses the same store.

    Without API keys it listens on loopback addresses only.

    Example: [bold]xmetra serve --redis-url redis://127.0.0.1:6379/0 --store-url /srv/xmetra[/]
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(fileno=number)) for number in inherited or ()]
        for address in [listener.getsockname()[0] for listener in sockets] or [host]:
            _check_exposure(address, keys_file=keys_file, insecure=insecure)
        os.environ.update(
            XMETRA_REDIS_URL=redis_url,
            XMETRA_STORE_URL=store_url,
            XMETRA_KEYS_FILE=str(keys_file or ""),
            XMETRA_INSECURE=str(insecure),
        )
        if as_json:
            write_json({"url": f"http://{host}:{port}", "process": os.getpid()})
        _run_server(host, port, sockets, proxies=forwarded_allow_ips)


def _check_exposure(address: str, *, keys_file: Path | None, insecure: bool) -> None:
    """Check that a service without API keys cannot be reached from other machines.

    Raises:
        UsageFault: It can, and ``--insecure`` is not set.
    """
    if keys_file is None and not insecure and not is_loopback(address):
        place = address or "every address"
        raise UsageFault(f"{place} can be reached from other machines, and there are no API keys.\n{REMEDY}")


def _run_server(host: str, port: int, sockets: list[socket.socket], *, proxies: str) -> None:
    """Run the API until it is stopped.

    Args:
        host: Address to listen on.
        port: Port to listen on.
        sockets: Sockets that listen already; if there are any, `host` and `port` are not used.
        proxies: Addresses whose ``X-Forwarded-For`` is trusted.

    Raises:
        typer.Exit: The server did not start.
    """
    config = uvicorn.Config(
        "app.main:create_app",
        factory=True,
        host=host,
        port=port,
        log_config=None,  # the application configures logging
        access_log=False,
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
    )
    server = uvicorn.Server(config)
    server.run(sockets=sockets or None)
    if not server.started:
        raise typer.Exit(1)
