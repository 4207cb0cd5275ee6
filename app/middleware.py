"""What happens to every request before any route sees it: it gets an id, and its size is watched."""

import re
import secrets
from collections.abc import Mapping
from itertools import count
from types import MappingProxyType
from typing import Final

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from app.errors import TABLE, problem_response
from core.errors import PayloadTooLarge

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""An id that a caller may choose: nothing that could forge a line of a log or a header."""

NO_ROUTES: Final[Mapping[tuple[str, str], int]] = MappingProxyType({})


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


class BodyLimit:
    """Refuses a body over the limit: at once if it tells its size, else as soon as it is passed.

    Starlette's own limit answers in plain text, and only after the route ran.

    Args:
        app: What is behind.
        max_bytes: The limit.
        of_routes: Method and path of the routes that have a limit of their own.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, of_routes: Mapping[tuple[str, str], int] = NO_ROUTES
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._of_routes = of_routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._of_routes.get((scope["method"], scope["path"]), self._max_bytes)
        detail = f"the request body is over the limit of {limit} bytes"
        told = Headers(scope=scope).get("content-length", "")
        if told.isdecimal() and int(told[:20]) > limit:
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
