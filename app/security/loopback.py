"""Loopback checks: a service without keys is open to every user of its machine, and to no other machine."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

REMEDY: Final = (
    "Either make a key and name its file:\n"
    "  xmetra keys new --file keys.jsonl --name me --scopes admin\n"
    "  export XMETRA_KEYS_FILE=keys.jsonl\n"
    "or, if something else controls access to it, allow this with --insecure or XMETRA_INSECURE=true."
)


def is_loopback(host: str) -> bool:
    """Whether a server that listens on the host can be reached only from this machine.

    A name other than ``localhost`` may resolve to any address, and an empty one means all interfaces.
    """
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


@lru_cache(maxsize=64)
def is_external(host: str) -> bool:
    """Whether the local address of a connection can be reached from other machines.

    A host that is no IP address (a Unix socket, or an app called without a server) is not external.
    """
    address = _address(host)
    return address is not None and not address.is_loopback


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address, with an IPv4-mapped IPv6 address as IPv4, or None if the host is a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
