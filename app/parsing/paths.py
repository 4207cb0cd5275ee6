"""Request paths without the prefix of a proxy."""

from starlette.types import Scope


def route_path(scope: Scope) -> str:
    """Return the path of a request without the prefix of a proxy (ASGI ``root_path``)."""
    path: str = scope["path"]
    prefix: str = scope.get("root_path", "").rstrip("/")
    without_prefix = path.removeprefix(prefix)
    return without_prefix if without_prefix.startswith("/") else path
