"""Who asks, and whether they may: looked at before any route, and before any of the body is read."""

from typing import Final

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.parsing.paths import route_path
from app.parsing.problems import Forbidden, Refusal, Unauthenticated, answer_known
from app.security import permissions
from app.security.api_keys import StoredKey
from app.security.key_store import KeyStore
from app.security.loopback import REMEDY, is_outward
from app.security.permissions import ADMIN, OPEN
from core.errors import NotFound, XmetraError

CHALLENGE: Final = 'Bearer realm="xmetra"'


class Authentication:
    """Lets a request pass that shows a key with a scope of its route (RFC 6750, in the header alone)."""

    def __init__(self, app: ASGIApp, keys: KeyStore) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with the id of its key; or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._authenticate(scope)
        except (Refusal, NotFound) as error:
            await _refuse(error, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _authenticate(self, scope: Scope) -> None:
        """Check the key, where one is needed, and note whose it is.

        Raises:
            Unauthenticated: There is none, or it is nobody's.
            Forbidden: It has no scope of the route.
            NotFound: The table of routes does not know the path, and so neither does this caller.
        """
        path = route_path(scope)
        allowed = permissions.allowed_for(scope["method"], path)
        if allowed == OPEN:
            return
        key = self._holder(Headers(scope=scope).get("authorization", ""))
        if not key.allows(ADMIN if allowed is None else allowed):
            if allowed is None:
                raise NotFound(f"there is no {scope['method']} {path}")
            raise _missing(sorted(allowed), key)
        scope.setdefault("state", {})["caller"] = f"key {key.id}"

    def _holder(self, authorization: str) -> StoredKey:
        """Return the key of an ``Authorization`` header."""
        scheme, _, shown = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(
                "this needs a key: send it as `Authorization: Bearer xm_…`",
                headers={"www-authenticate": CHALLENGE},
            )
        key = self._keys.ring().find(shown.strip())
        if key is None:
            raise Unauthenticated(
                "the key is not one of this service, or it was revoked",
                headers={"www-authenticate": f'{CHALLENGE}, error="invalid_token"'},
            )
        return key


class LoopbackOnly:
    """Refuses what reaches a service without keys from elsewhere than this machine.

    `xmetra serve` does not even listen there; any other way to run an ASGI app would.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        host, _ = scope.get("server") or ("", None)
        if scope["type"] == "http" and is_outward(host):
            error = Forbidden(f"this service has no keys, and so answers its own machine only. {REMEDY}")
            await _refuse(error, scope, receive, send)
            return
        await self._app(scope, receive, send)


def _missing(scopes: list[str], key: StoredKey) -> Forbidden:
    """Tell which scope the key would need."""
    wanted = " or ".join(scopes)
    challenge = f'{CHALLENGE}, error="insufficient_scope", scope="{" ".join(scopes)}"'
    return Forbidden(
        f"this needs a key with the scope {wanted}; the key {key.id} has {', '.join(key.scopes)}",
        headers={"www-authenticate": challenge},
    )


async def _refuse(error: XmetraError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in place of the app: its own handlers of errors lie behind a middleware."""
    response = await answer_known(Request(scope), error)
    await response(scope, receive, send)
