"""Every route has a line in the table of scopes."""

from typing import Any, cast

import pytest
from fastapi.routing import iter_route_contexts

from app.main import create_app
from app.security.permissions import ADMIN, OPEN, ROUTES, Allowed, allowed_for, as_rule

APP = create_app(services=cast(Any, None))

ROUTES_OF_THE_APP = [
    as_rule(method, context.path or "a part of the app that has no path")
    for context in iter_route_contexts(APP.routes)
    for method in sorted((context.methods or {"ANY"}) - {"HEAD"})
]


@pytest.mark.parametrize("route", ROUTES_OF_THE_APP)
def test_every_route_of_the_app_says_which_scope_it_needs(route: str) -> None:
    assert route in ROUTES, f"add {route!r} to app/security/permissions.py"


def test_the_routes_are_found_at_all() -> None:
    assert {"POST /adapt", "GET /jobs/*/events", "GET /openapi.json"} <= set(ROUTES_OF_THE_APP)


def test_nothing_that_changes_what_serves_is_open_or_for_a_key_that_may_predict() -> None:
    changing = {route: allowed for route, allowed in ROUTES.items() if route.split()[0] in {"PUT", "DELETE"}}

    assert changing
    assert set(changing.values()) == {ADMIN}
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
def test_a_path_is_read_whole(method: str, path: str, allowed: Allowed | None) -> None:
    assert allowed_for(method, path) == allowed
