"""The route table contains every route of the app and matches whole paths."""

from typing import Any, cast

import pytest
from fastapi.routing import iter_route_contexts

from app.main import create_app
from app.security.permissions import ADMIN, OPEN, ROUTES, Allowed, allowed_scopes, as_rule

APP = create_app(services=cast(Any, None))

APP_ROUTES = [
    as_rule(method, context.path or "a part of the app that has no path")
    for context in iter_route_contexts(APP.routes)
    for method in sorted((context.methods or {"ANY"}) - {"HEAD"})
]


@pytest.mark.parametrize("route", APP_ROUTES)
def test_route_table_contains_every_app_route(route: str) -> None:
    assert route in ROUTES, f"add {route!r} to app/security/permissions.py"


def test_app_routes_are_discovered() -> None:
    assert {"POST /adapt", "GET /jobs/*/events", "GET /openapi.json"} <= set(APP_ROUTES)


def test_write_routes_are_neither_open_nor_for_predict_keys() -> None:
    writes = {route: allowed for route, allowed in ROUTES.items() if route.split()[0] in {"PUT", "DELETE"}}

    assert writes
    assert set(writes.values()) == {ADMIN}
    assert [
        route for route, allowed in ROUTES.items() if allowed == OPEN and not route.startswith("GET")
    ] == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/jobs", ROUTES["GET /jobs"]),
        ("GET", "/jobs/a", ROUTES["GET /jobs/*"]),
        ("HEAD", "/openapi.json", OPEN),
        ("GET", "/health/live", OPEN),
        ("GET", "/health/live/", None),
        ("GET", "/health", None),
        ("GET", "/jobs/a/b", None),
        ("GET", "/jobs/", None),
        ("PATCH", "/jobs/a", None),
        ("GET", "//health/live", None),
        ("GET", "/openapi.json\n", None),
    ],
)
def test_allowed_scopes_matches_the_whole_path(method: str, path: str, allowed: Allowed | None) -> None:
    assert allowed_scopes(method, path) == allowed
