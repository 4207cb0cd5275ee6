"""Which key opens which route: the one table of it.

A test compares the table with the routes of the app, so that none is added without a line here. At run time,
a route without a line is open to nobody but an administrator.
"""

import re
from collections.abc import Mapping
from typing import Final

from app.security.api_keys import Scope

Allowed = frozenset[Scope]
"""A key with one of these may; `OPEN` is for everybody, with a key or without."""

OPEN: Final[Allowed] = frozenset()
PREDICT: Final[Allowed] = frozenset({Scope.PREDICT})
ADAPT: Final[Allowed] = frozenset({Scope.ADAPT})
EITHER: Final[Allowed] = PREDICT | ADAPT
ADMIN: Final[Allowed] = frozenset({Scope.ADMIN})
METRICS: Final[Allowed] = frozenset({Scope.METRICS})

ROUTES: Final[Mapping[str, Allowed]] = {
    "GET /health/live": OPEN,
    "GET /health/ready": OPEN,
    # What the service is made of is public.
    "GET /docs": OPEN,
    "GET /docs/oauth2-redirect": OPEN,
    "GET /redoc": OPEN,
    "GET /openapi.json": OPEN,
    "POST /predict/mtod": PREDICT,
    "POST /predict/qa": PREDICT,
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
    # A base answers every language that nobody adapted.
    "POST /pretrain": ADMIN,
    "POST /checkpoints": ADMIN,
    "DELETE /checkpoints/*": ADMIN,
    "PUT /languages/*/*": ADMIN,
    "POST /languages/*/*/rollback": ADMIN,
    "GET /metrics": METRICS,
}
"""Method and path → who may; a star stands for one segment of the path."""


def as_rule(method: str, template: str) -> str:
    """Return a route as the table names it: ``GET /jobs/{job_id}`` is ``GET /jobs/*``."""
    return f"{method} {re.sub(r'{[^}]*}', '*', template)}"


_PATTERNS: Final = tuple(
    (re.compile(re.escape(rule).replace(r"\*", "[^/]+")), allowed) for rule, allowed in ROUTES.items()
)


def allowed_for(method: str, path: str) -> Allowed | None:
    """Return who may ask this, or None if the table does not know it.

    Args:
        method: ``HEAD`` is a ``GET`` without an answer's body.
        path: Of a request, decoded.
    """
    asked = f"{'GET' if method == 'HEAD' else method} {path}"
    return next((allowed for pattern, allowed in _PATTERNS if pattern.fullmatch(asked)), None)
