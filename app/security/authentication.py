"""Authentication and authorisation of requests, before routing and before the body is read."""

from typing import Final

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.parsing.paths import route_path
from app.parsing.problems import Forbidden, Refusal, Unauthenticated, answer_known
from app.security import permissions
from app.security.api_keys import StoredKey
from app.security.key_store import KeyStore
from app.security.loopback import REMEDY, is_external
from app.security.permissions import ADMIN, OPEN
from core.errors import NotFound, XmetraError

CHALLENGE: Final = 'Bearer realm="xmetra"'


class Authentication:
    """ASGI middleware that requires a bearer key with a scope of the route (RFC 6750, header only).

    Args:
        app: The next ASGI app.
        keys: The valid keys.
    """

    def __init__(self, app: ASGIApp, keys: KeyStore) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward an authorised request, or respond with 401, 403 or 404."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._authenticate(scope)
        except (Refusal, NotFound) as error:
            await _respond(error, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _authenticate(self, scope: Scope) -> None:
        """Check the key if the route needs one, and store its id as ``caller`` in the request's state.

        Raises:
            Unauthenticated: The request has no key, or an unknown one.
            Forbidden: The key has no scope of the route.
            NotFound: The path is not in the route table, and the key is not an administrator's.
        """
        path = route_path(scope)
        allowed = permissions.allowed_scopes(scope["method"], path)
        if allowed == OPEN:
            return
        key = self._key(Headers(scope=scope).get("authorization", ""))
        if not key.allows(ADMIN if allowed is None else allowed):
            if allowed is None:
                raise NotFound(f"there is no {scope['method']} {path}")
            raise _insufficient_scope(sorted(allowed), key)
        scope.setdefault("state", {})["caller"] = f"key {key.id}"

    def _key(self, authorization: str) -> StoredKey:
        """Return the key of an ``Authorization`` header."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(
                "this needs a key: send it as `Authorization: Bearer xm_…`",
                headers={"www-authenticate": CHALLENGE},
            )
        key = self._keys.current_keys().find(token.strip())
        if key is None:
            raise Unauthenticated(
                "the key is not one of this service, or it was revoked",
                headers={"www-authenticate": f'{CHALLENGE}, error="invalid_token"'},
            )
        return key


class LoopbackOnly:
    """ASGI middleware of a service without keys: refuses connections from other machines.

    `xmetra serve` listens on loopback only; an ASGI server that is started directly may not.

    Args:
        app: The next ASGI app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request that came over a loopback address, or respond with 403."""
        host, _ = scope.get("server") or ("", None)
        if scope["type"] == "http" and is_external(host):
            error = Forbidden(f"this service has no keys, and so answers its own machine only. {REMEDY}")
            await _respond(error, scope, receive, send)
            return
        await self._app(scope, receive, send)


def _insufficient_scope(scopes: list[str], key: StoredKey) -> Forbidden:
    """Return the error for a key that has none of the scopes."""
    challenge = f'{CHALLENGE}, error="insufficient_scope", scope="{" ".join(scopes)}"'
    alternatives = " or ".join(scopes)
    return Forbidden(
        f"this needs a key with the scope {alternatives}; the key {key.id} has {', '.join(key.scopes)}",
        headers={"www-authenticate": challenge},
    )


async def _respond(error: XmetraError, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the problem response of an error: the app's own error handlers run only behind the middleware."""
    response = await answer_known(Request(scope), error)
    await response(scope, receive, send)
