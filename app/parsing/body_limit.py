"""ASGI middleware that refuses request bodies over a size limit."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.parsing.paths import route_path
from app.parsing.problems import TABLE, problem_response
from core.errors import PayloadTooLarge

NO_ROUTES: Final[Mapping[tuple[str, str], int]] = MappingProxyType({})


class BodyLimit:
    """Refuses a body over a size limit: at once by its ``Content-Length``, or when the limit is passed.

    Starlette's own limit responds in plain text, and only after the route ran.

    Args:
        app: The wrapped app.
        max_bytes: The limit in bytes.
        of_routes: (method, path) → limit in bytes of single routes.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, of_routes: Mapping[tuple[str, str], int] = NO_ROUTES
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._of_routes = of_routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the app, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._of_routes.get((scope["method"], route_path(scope)), self._max_bytes)
        detail = f"the request body is over the limit of {limit} bytes"
        content_length = Headers(scope=scope).get("content-length", "")
        if content_length.isdecimal() and int(content_length[:20]) > limit:
            response = problem_response(Request(scope), TABLE[PayloadTooLarge], detail=detail)
            await response(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise PayloadTooLarge(detail)
            return message

        await self._app(scope, receive_counted, send)
