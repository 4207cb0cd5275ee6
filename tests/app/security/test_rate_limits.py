"""Rate limits over HTTP: what is counted, for which caller, and the response when a limit is exceeded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from starlette.datastructures import State

from app.security.api_keys import Scope, new_key
from app.security.key_store import edit_keys
from app.security.rate_limits import RateLimits, caller_id
from app.settings import Settings
from tests.app.service import Service, adaptation, problem, qa_adaptation, running

RATES: dict[str, Any] = {"predict_items_per_minute": 10, "jobs_per_hour": 2}


@pytest.fixture
def limited(redis_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service that grants each caller ten items a minute and two jobs an hour, with a stopped clock."""
    with running(redis_url, tmp_path, **RATES) as service:
        state(service).rate_limits = RateLimits.of(Settings(**RATES), clock=lambda: 0)
        service.make_base()
        service.make_qa_base()
        yield service


def state(service: Service) -> State:
    app = service.http.app
    assert isinstance(app, FastAPI)
    return app.state


def predict(service: Service, items: int, **more: Any) -> Any:
    body = {"utterances": ["pon una alarma"] * items, "language": "es"}
    return service.http.post("/predict/mtod", json=body, **more)


def test_no_rate_limit_headers_when_disabled(service: Service) -> None:
    for _ in range(5):
        response = predict(service, 200)
        assert response.status_code == 200
        assert "ratelimit" not in response.headers


def test_predictions_are_counted_by_item_across_tasks(limited: Service) -> None:
    question = {"question": "¿Cuándo?", "context": "Abrió en 1987."}

    assert predict(limited, 4).headers["ratelimit"].startswith('"predictions";r=6;')
    response = limited.http.post("/predict/qa", json={"questions": [question] * 5, "language": "es"})
    assert response.headers["ratelimit"].startswith('"predictions";r=1;')
    assert predict(limited, 2).status_code == 429


def test_exceeded_rate_is_a_problem_with_retry_after(limited: Service) -> None:
    predict(limited, 10)
    response = predict(limited, 5)

    body = problem(response, 429)
    assert body["type"] == "urn:xmetra:problem:rate-exceeded"
    assert "the limit is 10 items in 60 seconds" in body["detail"]
    assert response.headers["ratelimit-policy"] == '"predictions";q=10;w=60'
    assert response.headers["retry-after"] == "30"


def test_refused_prediction_is_refunded(limited: Service) -> None:
    body = {"utterances": ["word " * 101] * 8, "language": "es"}
    for _ in range(3):
        problem(limited.http.post("/predict/mtod", json=body), 422)

    assert predict(limited, 10).status_code == 200


def test_jobs_are_counted_across_submission_routes(limited: Service) -> None:
    base = {"source_language": "es", "examples": adaptation()["examples"]}

    assert limited.http.post("/pretrain", json=base).headers["ratelimit"].startswith('"jobs";r=1;')
    assert limited.http.post("/adapt", json=qa_adaptation()).headers["ratelimit"].startswith('"jobs";r=0;')
    response = limited.http.post("/adapt", json=adaptation())

    problem(response, 429)
    assert response.headers["retry-after"] == "1800"
    assert limited.queue.waiting() == 2
    assert len(limited.store.jobs.list()) == 2


def test_dry_runs_invalid_and_repeated_requests_are_not_counted(limited: Service) -> None:
    headers = {"idempotency-key": "once"}
    for _ in range(3):
        assert limited.http.post("/adapt", json=adaptation(dry_run=True)).status_code == 200
        limited.refused(422, adaptation(language="nowhere"))
        assert limited.http.post("/adapt", json=adaptation(), headers=headers).status_code == 202

    limited.adapt()
    limited.refused(429, adaptation())


def test_rate_limited_submission_can_be_retried_with_its_idempotency_key(limited: Service) -> None:
    headers = {"idempotency-key": "late"}
    for _ in range(2):
        limited.adapt()
    problem(limited.http.post("/adapt", json=adaptation(), headers=headers), 429)

    state(limited).rate_limits = RateLimits.of(Settings(**RATES))

    assert limited.http.post("/adapt", json=adaptation(), headers=headers).status_code == 202


def test_each_key_has_its_own_bucket(redis_url: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    keys = [new_key(name, [Scope.PREDICT]) for name in ("shop", "bank")]
    with edit_keys(file) as stored_keys:
        stored_keys.extend(stored for _, stored in keys)
    shop, bank = ({"authorization": f"Bearer {token}"} for token, _ in keys)
    with running(redis_url, tmp_path, keys_file=file, **RATES) as service:
        service.make_base()
        assert predict(service, 10, headers=shop).status_code == 200
        assert predict(service, 1, headers=shop).status_code == 429
        assert predict(service, 10, headers=bank).status_code == 200


def test_each_address_has_its_own_bucket_without_keys(limited: Service) -> None:
    neighbour = TestClient(limited.http.app, client=("192.0.2.9", 1))
    predict(limited, 10)

    body = {"utterances": ["hola"], "language": "es"}
    assert neighbour.post("/predict/mtod", json=body).status_code == 200


@pytest.mark.parametrize(
    ("host", "caller"),
    [
        ("192.0.2.9", "192.0.2.9"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.9", "::ffff:192.0.2.9"),
        ("testclient", "testclient"),
    ],
)
def test_caller_id_groups_ipv6_addresses_by_network(host: str, caller: str) -> None:
    assert caller_id(Request({"type": "http", "client": (host, 1)})) == caller
