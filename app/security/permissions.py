"""The table of routes and the key scopes that each requires.

A test compares the table with the app's routes, so that a new route must be added here. At run time, a route
that is missing from the table requires the admin scope.
"""

import re
from collections.abc import Mapping
from typing import Final

from app.security.api_keys import Scope
from core.plugins import task_names

Allowed = frozenset[Scope]
"""Scopes of which a key needs one; `OPEN` needs no key."""

OPEN: Final[Allowed] = frozenset()
PREDICT: Final[Allowed] = frozenset({Scope.PREDICT})
ADAPT: Final[Allowed] = frozenset({Scope.ADAPT})
EITHER: Final[Allowed] = PREDICT | ADAPT
ADMIN: Final[Allowed] = frozenset({Scope.ADMIN})
METRICS: Final[Allowed] = frozenset({Scope.METRICS})

ROUTES: Final[Mapping[str, Allowed]] = {
    "GET /health/live": OPEN,
    "GET /health/ready": OPEN,
    # The description of the API is public.
    "GET /docs": OPEN,
    "GET /docs/assets/*": OPEN,
    "GET /redoc": OPEN,
    "GET /openapi.json": OPEN,
    **{f"POST /predict/{task}": PREDICT for task in task_names()},
    "POST /evaluate": PREDICT,
    "GET /languages": EITHER,
    "GET /languages/*/*": EITHER,
    "POST /datasets": ADAPT,
    "GET /datasets/*": ADAPT,
    "POST /adapt": ADAPT,
    "GET /jobs": ADAPT,
    "GET /jobs/*": ADAPT,
    "GET /jobs/*/events": ADAPT,
    "POST /jobs/*/cancel": ADAPT,
    "GET /checkpoints": ADAPT,
    "GET /checkpoints/*": ADAPT,
    "GET /checkpoints/*/archive": ADAPT,
    # A base serves every language that has no adaptation, so training one changes what is served.
    "POST /pretrain": ADMIN,
    "POST /checkpoints": ADMIN,
    "DELETE /checkpoints/*": ADMIN,
    "PUT /languages/*/*": ADMIN,
    "POST /languages/*/*/rollback": ADMIN,
    "GET /metrics": METRICS,
}
"""Method and path → required scopes; a star stands for one path segment."""


def as_rule(method: str, template: str) -> str:
    """Return the table's key of a route: ``GET /jobs/*`` for ``GET /jobs/{job_id}``."""
    return f"{method} {re.sub(r'{[^}]*}', '*', template)}"


_PATTERNS: Final = tuple(
    (re.compile(re.escape(rule).replace(r"\*", "[^/]+")), allowed) for rule, allowed in ROUTES.items()
)


def allowed_scopes(method: str, path: str) -> Allowed | None:
    """Return the scopes that may send a request, or None if the route is not in the table.

    Args:
        method: The HTTP method; ``HEAD`` counts as ``GET``.
        path: The decoded path of the request, without the prefix of a proxy.
    """
    request = f"{'GET' if method == 'HEAD' else method} {path}"
    return next((allowed for pattern, allowed in _PATTERNS if pattern.fullmatch(request)), None)
