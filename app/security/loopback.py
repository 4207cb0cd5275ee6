"""Who could reach a service: without keys it is open to everybody on this machine, and to nobody else."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

REMEDY: Final = (
    "Either make a key and name its file:\n"
    "  xmetra keys new --file keys.jsonl --name me --scopes admin\n"
    "  export XMETRA_KEYS_FILE=keys.jsonl\n"
    "or, where something else decides who may reach it, say so with --insecure or XMETRA_INSECURE=true."
)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host to listen on.

    A name other than ``localhost`` may mean anything, and an empty one means every address.
    """
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


@lru_cache(maxsize=64)
def is_outward(host: str) -> bool:
    """Whether a connection was made to an address that others can reach, too.

    What is no address is none: a Unix socket, or an app that is called without a server.
    """
    address = _address(host)
    return address is not None and not address.is_loopback


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return an address; one of IPv4 in the clothes of IPv6 as what it is."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
