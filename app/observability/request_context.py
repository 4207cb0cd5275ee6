"""ASGI middleware that gives every request an id, in its response and in every log line."""

import re
import secrets
from itertools import count
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""A client's id is accepted if it matches, so that it cannot inject anything into a log line or a header."""


class RequestIds:
    """ASGI middleware that assigns each request an id, or keeps the client's ``X-Request-ID``.

    The response carries it in a header, and every log line of the request contains it. A generated id is a
    random id of this process followed by a counter: reading random bytes for each request would release
    Python's global lock, which a thread that computes a prediction gives back late.

    Args:
        app: The next ASGI app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._process = secrets.token_hex(8)
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request with its id bound to the log context."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client_id = Headers(scope=scope).get("x-request-id", "")
        generated = f"{self._process}{next(self._numbers):016x}"
        request_id = client_id if REQUEST_ID.fullmatch(client_id) else generated
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        clear_contextvars()  # not after the request: the server logs an unhandled error last
        bind_contextvars(request_id=request_id)
        await self._app(scope, receive, send_with_id)
