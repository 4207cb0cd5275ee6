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
from app.security.key_store import changing
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
    made = {scope: new_key(scope.value, [scope]) for scope in Scope}
    with changing(file) as kept:
        kept.extend(stored for _, stored in made.values())
    return {scope: shown for scope, (shown, _) in made.items()}


@pytest.fixture
def guarded(redis_url: str, tmp_path: Path, file: Path, keys: dict[Scope, str]) -> Iterator[Service]:
    with running(redis_url, tmp_path, keys_file=file) as service:
        service.make_base()
        yield service


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_without_a_key_the_way_to_show_one_is_told(guarded: Service) -> None:
    response = guarded.http.post("/predict/mtod", json=PREDICTION)

    told = problem(response, 401)
    assert told["type"] == "urn:xmetra:problem:unauthenticated"
    assert "Authorization: Bearer" in told["detail"]
    assert response.headers["www-authenticate"] == 'Bearer realm="xmetra"'


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer ", "Bearer xm_nonsense", f"Bearer {new_key('x', [Scope.ADMIN])[0]}", "Bearer \xe9"],
    ids=["no key", "a blank", "nonsense", "another service's", "no ASCII"],
)
def test_a_key_that_is_nobodys_is_refused(guarded: Service, authorization: str) -> None:
    response = guarded.http.get("/jobs", headers={b"authorization": authorization.encode("latin-1")})

    problem(response, 401)
    assert response.headers["www-authenticate"] == 'Bearer realm="xmetra", error="invalid_token"'


def test_a_key_in_any_other_scheme_or_place_is_none(guarded: Service, keys: dict[Scope, str]) -> None:
    key = keys[Scope.ADMIN]

    problem(guarded.http.get("/jobs", headers={"authorization": f"Basic {key}"}), 401)
    problem(guarded.http.get("/jobs", headers={"authorization": key}), 401)
    problem(guarded.http.get(f"/jobs?access_token={key}"), 401)


def test_a_key_without_the_scope_is_told_which_it_lacks(guarded: Service, keys: dict[Scope, str]) -> None:
    response = guarded.http.post("/adapt", json=adaptation(), headers=bearer(keys[Scope.PREDICT]))

    told = problem(response, 403)
    assert told["type"] == "urn:xmetra:problem:forbidden"
    assert "needs a key with the scope adapt" in told["detail"]
    assert keys[Scope.PREDICT] not in response.text
    assert response.headers["www-authenticate"] == (
        'Bearer realm="xmetra", error="insufficient_scope", scope="adapt"'
    )
    assert guarded.queue.waiting() == 0


@pytest.mark.parametrize("scope", [Scope.PREDICT, Scope.ADMIN])
def test_a_key_with_the_scope_is_let_in(guarded: Service, keys: dict[Scope, str], scope: Scope) -> None:
    assert guarded.http.post("/predict/mtod", json=PREDICTION, headers=bearer(keys[scope])).status_code == 200


def test_the_scheme_may_be_written_as_one_likes(guarded: Service, keys: dict[Scope, str]) -> None:
    headers = {"authorization": f"bearer  {keys[Scope.ADAPT]}"}

    assert guarded.http.get("/jobs", headers=headers).status_code == 200


@pytest.mark.parametrize("scope", [Scope.PREDICT, Scope.ADAPT])
def test_either_of_two_scopes_will_do(guarded: Service, keys: dict[Scope, str], scope: Scope) -> None:
    assert guarded.http.get("/languages", headers=bearer(keys[scope])).status_code == 200


@pytest.mark.parametrize("route", [route for route, allowed in ROUTES.items() if allowed != OPEN])
def test_no_route_but_the_open_ones_is_reached_without_a_key(guarded: Service, route: str) -> None:
    method, path = route.split()

    problem(guarded.http.request(method, path.replace("*", "x")), 401)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/docs", "/openapi.json"])
def test_health_and_the_description_are_open(guarded: Service, path: str) -> None:
    assert guarded.http.get(path).status_code == 200


def test_the_key_is_looked_at_before_the_body(guarded: Service, keys: dict[Scope, str]) -> None:
    problem(guarded.http.post("/adapt", content=b"{"), 401)
    problem(guarded.http.post("/adapt", content=b"{", headers=bearer(keys[Scope.PREDICT])), 403)


def test_a_revoked_key_is_refused_without_a_restart(
    guarded: Service, keys: dict[Scope, str], file: Path
) -> None:
    headers = bearer(keys[Scope.ADAPT])
    assert guarded.http.get("/jobs", headers=headers).status_code == 200

    with changing(file) as kept:
        kept[:] = [key for key in kept if Scope.ADAPT not in key.scopes]

    problem(guarded.http.get("/jobs", headers=headers), 401)
    assert guarded.http.get("/jobs", headers=bearer(keys[Scope.ADMIN])).status_code == 200


def test_a_route_that_is_in_no_table_is_the_administrators_alone(
    guarded: Service, keys: dict[Scope, str]
) -> None:
    app = guarded.http.app
    assert isinstance(app, FastAPI)

    @app.get("/forgotten")
    def forgotten() -> str:
        return "secret"

    problem(guarded.http.get("/forgotten"), 401)
    problem(guarded.http.get("/forgotten", headers=bearer(keys[Scope.ADAPT])), 404)
    assert guarded.http.get("/forgotten", headers=bearer(keys[Scope.ADMIN])).json() == "secret"
    problem(guarded.http.get("/nowhere", headers=bearer(keys[Scope.ADMIN])), 404)


def test_every_refusal_has_the_id_of_its_request(guarded: Service) -> None:
    response = guarded.http.get("/jobs", headers={"x-request-id": "mine"})

    assert problem(response, 401)["request_id"] == "mine"


def test_a_service_does_not_start_on_a_faulty_file(file: Path) -> None:
    file.write_text("{\n{}\n")

    with pytest.raises(InvalidInput) as told:
        create_app(Settings(keys_file=file), services=_nothing())

    assert {fault.pointer for fault in told.value.faults} == {f"{file} line 1", f"{file} line 2"}


@pytest.mark.parametrize("host", ["10.0.0.7", "::", "fe80::1", "203.0.113.9"])
def test_without_keys_nobody_from_elsewhere_is_answered_however_it_was_started(host: str) -> None:
    response = _asked_over(host, Settings(preload=False))

    told = problem(response, 403)
    assert "xmetra keys new" in told["detail"]
    assert "XMETRA_INSECURE" in told["detail"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_without_keys_the_machine_itself_is_answered(host: str) -> None:
    assert _asked_over(host, Settings(preload=False)).status_code == 200


def test_who_says_insecure_is_believed() -> None:
    assert _asked_over("10.0.0.7", Settings(preload=False, insecure=True)).status_code == 200


def _asked_over(host: str, settings: Settings) -> Any:
    """Ask an app through a connection to an address of its machine."""
    app = create_app(settings, services=_nothing())

    async def connected(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "server": (host, 8000)}, receive, send)

    return TestClient(connected).get("/health/live")


def _nothing() -> Any:
    return SimpleNamespace(metrics=Metrics())
