"""Connections to a service, synchronous and asyncio: sends requests, opens streams, translates errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import urlsplit

import httpx

from xmetra_client.errors import ServiceUnreachable, api_error
from xmetra_client.request import Request, ResponseT

if TYPE_CHECKING:
    from typing_extensions import Self

DEFAULT_URL: Final = "http://127.0.0.1:8000"

REQUEST_SECONDS: Final = 60.0
"""An upload or a batch of predictions on two busy cores stays below this."""

RECONNECTION_SECONDS: Final = 0.5

CHUNK_BYTES: Final = 2**20

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class SyncTransport:
    """A connection pool to one service.

    Args:
        url: Address of the service.
        key: API key, sent with every request; None for a service without keys.
        pause: Seconds before a broken event stream is opened again.

    Raises:
        ServiceUnreachable: `url` is not an HTTP address.
    """

    def __init__(
        self, url: str = DEFAULT_URL, *, key: str | None = None, pause: float = RECONNECTION_SECONDS
    ) -> None:
        self.url = url.rstrip("/")
        self.pause = pause
        with translate_address_errors(url):
            self._http = httpx.Client(**connection(url, key))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def send(self, request: Request[ResponseT]) -> ResponseT:
        """Send a request and parse its response.

        Raises:
            ApiError: The service refused it.
            ServiceUnreachable: There was no response.
        """
        with self.stream(request) as response:
            response.read()
        return request.parse(response)

    @contextmanager
    def stream(self, request: Request[Any]) -> Iterator[httpx.Response]:
        """Send a request and yield its response before the body is read; see `send` for errors."""
        with translate_transport_errors(self.url), request.open_file() as file:
            arguments = {**request.arguments} if file is None else {**request.arguments, "content": file}
            with self._http.stream(request.method, request.path, **arguments) as response:
                if response.is_error:
                    response.read()
                    raise api_error(response)
                yield response


class AsyncTransport:
    """A connection pool to one service, for asyncio; the arguments are those of `SyncTransport`."""

    def __init__(
        self, url: str = DEFAULT_URL, *, key: str | None = None, pause: float = RECONNECTION_SECONDS
    ) -> None:
        self.url = url.rstrip("/")
        self.pause = pause
        with translate_address_errors(url):
            self._http = httpx.AsyncClient(**connection(url, key))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def send(self, request: Request[ResponseT]) -> ResponseT:
        """Send a request and parse its response; see `SyncTransport.send` for errors."""
        async with self.stream(request) as response:
            await response.aread()
        return request.parse(response)

    @asynccontextmanager
    async def stream(self, request: Request[Any]) -> AsyncIterator[httpx.Response]:
        """Send a request and yield its response before the body is read; see `send` for errors."""
        with translate_transport_errors(self.url), request.open_file() as file:
            arguments = dict(request.arguments)
            if file is not None:
                arguments["content"] = _chunks(file)
            async with self._http.stream(request.method, request.path, **arguments) as response:
                if response.is_error:
                    await response.aread()
                    raise api_error(response)
                yield response


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    """Yield the content of a file, read in threads."""
    while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
        yield chunk


def connection(url: str, key: str | None) -> dict[str, Any]:
    """Return the settings of an httpx client.

    Args:
        url: Address of the service.
        key: API key, or None.

    Raises:
        ValueError: `url` is not an address.
    """
    # A proxy of the environment cannot reach this machine's loopback.
    trust_env = urlsplit(url).hostname not in LOOPBACK
    headers = {"authorization": f"Bearer {key.strip()}"} if key else {}
    return {
        "base_url": url.rstrip("/"),
        "timeout": REQUEST_SECONDS,
        "trust_env": trust_env,
        "headers": headers,
    }


@contextmanager
def translate_address_errors(url: str) -> Iterator[None]:
    """Raise `ServiceUnreachable` for an address that is not valid."""
    try:
        yield
    except (ValueError, httpx.InvalidURL) as error:
        raise ServiceUnreachable(f"{url!r} is not an address such as {DEFAULT_URL}: {error}") from error


@contextmanager
def translate_transport_errors(url: str) -> Iterator[None]:
    """Raise `ServiceUnreachable` for errors of the transport."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise ServiceUnreachable(f"{url} does not answer in time") from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ServiceUnreachable(f"no service answers at {url} ({error})") from error
