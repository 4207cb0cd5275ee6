"""ASGI middleware that measures every request and writes its line to the access log."""

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
"""Label of every unknown path or method: clients can send any number, and each would be a time series."""

PROBED: Final = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Routes that are polled every few seconds: their successful requests are logged at debug level."""


class AccessLog:
    """Measures each request and logs one line for it, with the route but never the path, which is user input.

    Args:
        app: The next ASGI app.
        routes: The app's routes, to name the route of a request that was refused before routing.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request; measure and log its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        metrics: Metrics = scope["app"].state.services.metrics
        status, started_at = 500, time.perf_counter()  # an exception becomes a 500 in an outer middleware
        seconds_to_response: float | None = None

        async def send_observed(message: Message) -> None:
            nonlocal status, seconds_to_response
            if message["type"] == "http.response.start":
                status, seconds_to_response = message["status"], time.perf_counter() - started_at
            await send(message)

        try:
            with metrics.track_in_flight():
                await self._app(scope, receive, send_observed)
        finally:
            seconds = time.perf_counter() - started_at
            route, method = self._template(scope), _method(scope)
            metrics.record_request(
                route=route,
                method=method,
                status=status,
                seconds=seconds if seconds_to_response is None else seconds_to_response,
            )
            _log(route, method, status, seconds)

    def _template(self, scope: Scope) -> str:
        """Return the path template of the route, such as ``/jobs/{job_id}``, or `OTHER`."""
        route = scope.get("route") or next(
            (route for route in self._routes if route.matches(scope)[0] is not Match.NONE), None
        )
        return str(getattr(route, "path", OTHER))


def _method(scope: Scope) -> str:
    """Return the HTTP method, or `OTHER` if it is not a standard one."""
    return scope["method"] if scope["method"] in METHODS else OTHER


def _log(route: str, method: str, status: int, seconds: float) -> None:
    """Write the access log line of a request."""
    write = log.debug if route in PROBED and status < 400 else log.info
    write("request", method=method, route=route, status=status, milliseconds=round(1000 * seconds, 1))
