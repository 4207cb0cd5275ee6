"""What both clients have in common on the wire: the address, the key, and what can go wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from app.client.errors import ServiceUnreachable

DEFAULT_URL: Final = "http://127.0.0.1:8000"

REQUEST_SECONDS: Final = 60.0
"""An upload or a batch of predictions on two busy cores stays below this."""

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def connection(url: str, key: str | None) -> dict[str, Any]:
    """Return httpx's settings of a client.

    Args:
        url: Where the service listens.
        key: Sent with every request, if there is one.

    Raises:
        ValueError: The address is none, which `translate_address_errors` tells.
    """
    # A proxy of the environment cannot know what listens on this machine's loopback.
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
    """Turn what can be wrong with an address into one sentence."""
    try:
        yield
    except (ValueError, httpx.InvalidURL) as error:
        raise ServiceUnreachable(f"{url!r} is not an address such as {DEFAULT_URL}: {error}") from error


@contextmanager
def translate_transport_errors(url: str) -> Iterator[None]:
    """Turn what can go wrong on the wire into one sentence."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise ServiceUnreachable(f"{url} does not answer in time") from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ServiceUnreachable(f"no service answers at {url} ({error})") from error
