"""ASGI middleware that gives every request an id, in its response and in every log line."""

import re
import secrets
from itertools import count
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""An id that a caller may choose: nothing that could forge a line of a log or a header."""


class RequestIds:
    """Gives each request an id, the caller's own if it brings a harmless one.

    The answer has it in a header, and every line that is logged meanwhile has it too. An id is this
    process's own name and a number: to ask the system for something random, each time, lets go of Python's
    lock, and a model that computes has it back late.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._process = secrets.token_hex(8)
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = asked if REQUEST_ID.fullmatch(asked) else f"{self._process}{next(self._numbers):016x}"
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        clear_contextvars()  # and never after: what the server logs of an error comes last
        bind_contextvars(request_id=request_id)
        await self._app(scope, receive, send_with_id)
