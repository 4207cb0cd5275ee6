"""Paths of requests as the route table has them."""

from starlette.types import Scope


def route_path(scope: Scope) -> str:
    """Return the path of a request without the prefix of a proxy (ASGI ``root_path``)."""
    path: str = scope["path"]
    prefix: str = scope.get("root_path", "").rstrip("/")
    below = path.removeprefix(prefix)
    return below if below.startswith("/") else path
