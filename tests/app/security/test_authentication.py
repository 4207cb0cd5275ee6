from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.main import create_app
from app.observability.metrics import Metrics
from app.security.api_keys import Scope, new_key
from app.security.key_store import edit_keys
from app.security.permissions import OPEN, ROUTES
from app.settings import Settings
from core.errors import InvalidInput
from tests.app.service import Service, adaptation, problem, running

PREDICTION = {"utterances": ["pon una alarma"], "language": "es"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.jsonl"


@pytest.fixture
def keys(file: Path) -> dict[Scope, str]:
    """A key of each scope."""
    keys = {scope: new_key(scope.value, [scope]) for scope in Scope}
    with edit_keys(file) as stored_keys:
        stored_keys.extend(stored for _, stored in keys.values())
    return {scope: token for scope, (token, _) in keys.items()}


@pytest.fixture
def protected(redis_url: str, tmp_path: Path, file: Path, keys: dict[Scope, str]) -> Iterator[Service]:
    with running(redis_url, tmp_path, keys_file=file) as service:
        service.make_base()
        yield service


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_request_without_a_key_is_refused_with_instructions(protected: Service) -> None:
    response = protected.http.post("/predict/mtod", json=PREDICTION)

    body = problem(response, 401)
    assert body["type"] == "urn:xmetra:problem:unauthenticated"
    assert "Authorization: Bearer" in body["detail"]
    assert response.headers["www-authenticate"] == 'Bearer realm="xmetra"'


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer ", "Bearer xm_nonsense", f"Bearer {new_key('x', [Scope.ADMIN])[0]}", "Bearer \xe9"],
    ids=["no key", "a blank", "nonsense", "unknown key", "no ASCII"],
)
def test_invalid_token_is_refused(protected: Service, authorization: str) -> None:
    response = protected.http.get("/jobs", headers={b"authorization": authorization.encode("latin-1")})

    problem(response, 401)
    assert response.headers["www-authenticate"] == 'Bearer realm="xmetra", error="invalid_token"'


def test_key_outside_the_bearer_header_is_ignored(protected: Service, keys: dict[Scope, str]) -> None:
    key = keys[Scope.ADMIN]

    problem(protected.http.get("/jobs", headers={"authorization": f"Basic {key}"}), 401)
    problem(protected.http.get("/jobs", headers={"authorization": key}), 401)
    problem(protected.http.get(f"/jobs?access_token={key}"), 401)


def test_key_without_the_scope_is_refused_with_the_missing_scope(
    protected: Service, keys: dict[Scope, str]
) -> None:
    response = protected.http.post("/adapt", json=adaptation(), headers=bearer(keys[Scope.PREDICT]))

    body = problem(response, 403)
    assert body["type"] == "urn:xmetra:problem:forbidden"
    assert "needs a key with the scope adapt" in body["detail"]
    assert keys[Scope.PREDICT] not in response.text
    assert response.headers["www-authenticate"] == (
        'Bearer realm="xmetra", error="insufficient_scope", scope="adapt"'
    )
    assert protected.queue.waiting() == 0


@pytest.mark.parametrize("scope", [Scope.PREDICT, Scope.ADMIN])
def test_key_with_the_scope_is_accepted(protected: Service, keys: dict[Scope, str], scope: Scope) -> None:
    assert (
        protected.http.post("/predict/mtod", json=PREDICTION, headers=bearer(keys[scope])).status_code == 200
    )


def test_bearer_scheme_is_case_insensitive(protected: Service, keys: dict[Scope, str]) -> None:
    headers = {"authorization": f"bearer  {keys[Scope.ADAPT]}"}

    assert protected.http.get("/jobs", headers=headers).status_code == 200


@pytest.mark.parametrize("scope", [Scope.PREDICT, Scope.ADAPT])
def test_route_with_two_scopes_accepts_either(
    protected: Service, keys: dict[Scope, str], scope: Scope
) -> None:
    assert protected.http.get("/languages", headers=bearer(keys[scope])).status_code == 200


@pytest.mark.parametrize("route", [route for route, allowed in ROUTES.items() if allowed != OPEN])
def test_protected_route_refuses_a_request_without_a_key(protected: Service, route: str) -> None:
    method, path = route.split()

    problem(protected.http.request(method, path.replace("*", "x")), 401)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/docs", "/openapi.json"])
def test_health_and_documentation_need_no_key(protected: Service, path: str) -> None:
    assert protected.http.get(path).status_code == 200


def test_key_is_checked_before_the_body(protected: Service, keys: dict[Scope, str]) -> None:
    problem(protected.http.post("/adapt", content=b"{"), 401)
    problem(protected.http.post("/adapt", content=b"{", headers=bearer(keys[Scope.PREDICT])), 403)


def test_revoked_key_is_refused_without_a_restart(
    protected: Service, keys: dict[Scope, str], file: Path
) -> None:
    headers = bearer(keys[Scope.ADAPT])
    assert protected.http.get("/jobs", headers=headers).status_code == 200

    with edit_keys(file) as stored_keys:
        stored_keys[:] = [key for key in stored_keys if Scope.ADAPT not in key.scopes]

    problem(protected.http.get("/jobs", headers=headers), 401)
    assert protected.http.get("/jobs", headers=bearer(keys[Scope.ADMIN])).status_code == 200


def test_route_missing_from_the_table_requires_admin(protected: Service, keys: dict[Scope, str]) -> None:
    app = protected.http.app
    assert isinstance(app, FastAPI)

    @app.get("/forgotten")
    def forgotten() -> str:
        return "secret"

    problem(protected.http.get("/forgotten"), 401)
    problem(protected.http.get("/forgotten", headers=bearer(keys[Scope.ADAPT])), 404)
    assert protected.http.get("/forgotten", headers=bearer(keys[Scope.ADMIN])).json() == "secret"
    problem(protected.http.get("/nowhere", headers=bearer(keys[Scope.ADMIN])), 404)


def test_refusal_contains_the_request_id(protected: Service) -> None:
    response = protected.http.get("/jobs", headers={"x-request-id": "mine"})

    assert problem(response, 401)["request_id"] == "mine"


def test_create_app_refuses_an_invalid_key_file(file: Path) -> None:
    file.write_text("{\n{}\n")

    with pytest.raises(InvalidInput) as caught:
        create_app(Settings(keys_file=file), services=services_without_redis())

    assert {fault.pointer for fault in caught.value.faults} == {f"{file} line 1", f"{file} line 2"}


@pytest.mark.parametrize(
    ("path", "authorised", "anonymous"),
    [
        ("/api/health/live", 200, 200),
        ("/api/jobs", 200, 401),
        ("/jobs", 200, 401),
        ("/api/api/jobs", 404, 401),
        ("/api", 404, 401),
    ],
)
def test_authentication_applies_below_a_root_path(
    protected: Service, keys: dict[Scope, str], path: str, authorised: int, anonymous: int
) -> None:
    """A proxy's prefix neither opens a route without a key nor hides it from a key with its scope."""
    proxied = TestClient(protected.http.app, root_path="/api")

    assert proxied.get(path, headers=bearer(keys[Scope.ADAPT])).status_code == authorised
    assert proxied.get(path).status_code == anonymous


def test_scope_is_required_below_a_root_path(protected: Service, keys: dict[Scope, str]) -> None:
    proxied = TestClient(protected.http.app, root_path="/api")

    response = proxied.post("/api/adapt", json=adaptation(), headers=bearer(keys[Scope.PREDICT]))
    assert "needs a key with the scope adapt" in problem(response, 403)["detail"]


@pytest.mark.parametrize("path", ["/apix/health/live", "/apihealth/live", "/api/apihealth/live"])
def test_root_path_as_a_string_prefix_opens_no_route(protected: Service, path: str) -> None:
    problem(TestClient(protected.http.app, root_path="/api").get(path), 401)


@pytest.mark.parametrize("host", ["10.0.0.7", "::", "fe80::1", "203.0.113.9"])
def test_service_without_keys_refuses_external_connections(host: str) -> None:
    response = get_over(host, Settings(preload=False))

    body = problem(response, 403)
    assert "xmetra keys new" in body["detail"]
    assert "XMETRA_INSECURE" in body["detail"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_service_without_keys_accepts_loopback_connections(host: str) -> None:
    assert get_over(host, Settings(preload=False)).status_code == 200


def test_insecure_service_accepts_external_connections() -> None:
    assert get_over("10.0.0.7", Settings(preload=False, insecure=True)).status_code == 200


def get_over(host: str, settings: Settings) -> Any:
    """Send a request over a connection to the given local address."""
    app = create_app(settings, services=services_without_redis())

    async def connected(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "server": (host, 8000)}, receive, send)

    return TestClient(connected).get("/health/live")


def services_without_redis() -> Any:
    return SimpleNamespace(metrics=Metrics())
