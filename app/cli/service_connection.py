"""Connections to the service of ``--url``, with the API key of ``--key``."""

from xmetra_client import Client


def connect(url: str, key: str | None) -> Client:
    """Return a client of a service.

    Every command gets its client here: an argument of its own for the key cannot be forgotten.

    Args:
        url: Address of the service.
        key: API key; None for a service without keys.

    Raises:
        ServiceUnreachable: `url` is not an HTTP address.
    """
    return Client(url, key=key)
