"""What is seen of every request from outside: how many, how long, how answered; and its line in the log."""

import time
from collections.abc import Sequence
from typing import Final

import structlog
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.observability.metrics import Metrics

log = structlog.get_logger(__name__)

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

OTHER: Final = "other"
"""Stands for every path and every method that is none of ours: anybody can invent more of them."""

PROBED: Final = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Routes that machines ask every few seconds: only what fails there is worth a line."""


class AccessLog:
    """Measures each request and logs a line of it: never its path, which may hold anything.

    Args:
        app: What answers.
        routes: Ours, to name a request that was refused before it was routed.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and take down how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        metrics: Metrics = scope["app"].state.services.metrics
        status, began = 500, time.perf_counter()  # an error that leaves here becomes a 500 further out
        answered: float | None = None

        async def send_observed(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], time.perf_counter() - began
            await send(message)

        try:
            with metrics.in_flight():
                await self._app(scope, receive, send_observed)
        finally:
            seconds = time.perf_counter() - began
            route, method = self._template(scope), _method(scope)
            metrics.answered(
                route=route, method=method, status=status, seconds=seconds if answered is None else answered
            )
            _log(route, method, status, seconds)

    def _template(self, scope: Scope) -> str:
        """Return the template of the path, such as ``/jobs/{job_id}``."""
        route = scope.get("route") or next(
            (route for route in self._routes if route.matches(scope)[0] is not Match.NONE), None
        )
        return str(getattr(route, "path", OTHER))


def _method(scope: Scope) -> str:
    """Return the method, if it is one that a route could have."""
    return scope["method"] if scope["method"] in METHODS else OTHER


def _log(route: str, method: str, status: int, seconds: float) -> None:
    """Log the line of a request."""
    tell = log.debug if route in PROBED and status < 400 else log.info
    tell("request", method=method, route=route, status=status, milliseconds=round(1000 * seconds, 1))
