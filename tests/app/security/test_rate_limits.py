"""RateLimits as a client meets them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from starlette.datastructures import State

from app.security.api_keys import Scope, new_key
from app.security.key_store import changing
from app.security.rate_limits import RateLimits, caller_of
from app.settings import Settings
from tests.app.service import Service, adaptation, problem, qa_adaptation, running

RATES: dict[str, Any] = {"predict_items_per_minute": 10, "jobs_per_hour": 2}


@pytest.fixture
def rationed(redis_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service in which ten items a minute and two jobs an hour are a caller's, and no time passes."""
    with running(redis_url, tmp_path, **RATES) as service:
        state(service).rates = RateLimits.of(Settings(**RATES), clock=lambda: 0)
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


def test_without_a_rate_nothing_is_counted_and_nothing_told(service: Service) -> None:
    for _ in range(5):
        response = predict(service, 200)
        assert response.status_code == 200
        assert "ratelimit" not in response.headers


def test_predictions_are_counted_by_item_over_both_tasks(rationed: Service) -> None:
    asked = {"question": "¿Cuándo?", "context": "Abrió en 1987."}

    assert predict(rationed, 4).headers["ratelimit"].startswith('"predictions";r=6;')
    response = rationed.http.post("/predict/qa", json={"questions": [asked] * 5, "language": "es"})
    assert response.headers["ratelimit"].startswith('"predictions";r=1;')
    assert predict(rationed, 2).status_code == 429


def test_a_spent_rate_is_told_as_a_problem_with_the_time_to_wait(rationed: Service) -> None:
    predict(rationed, 10)
    response = predict(rationed, 5)

    told = problem(response, 429)
    assert told["type"] == "urn:xmetra:problem:rate-exceeded"
    assert "the limit is 10 items in 60 seconds" in told["detail"]
    assert response.headers["ratelimit-policy"] == '"predictions";q=10;w=60'
    assert response.headers["retry-after"] == "30"


def test_a_prediction_that_is_refused_costs_nothing(rationed: Service) -> None:
    body = {"utterances": ["word " * 101] * 8, "language": "es"}
    for _ in range(3):
        problem(rationed.http.post("/predict/mtod", json=body), 422)

    assert predict(rationed, 10).status_code == 200


def test_jobs_are_counted_over_both_ways_to_submit_one(rationed: Service) -> None:
    base = {"source_language": "es", "examples": adaptation()["examples"]}

    assert rationed.http.post("/pretrain", json=base).headers["ratelimit"].startswith('"jobs";r=1;')
    assert rationed.http.post("/adapt", json=qa_adaptation()).headers["ratelimit"].startswith('"jobs";r=0;')
    response = rationed.http.post("/adapt", json=adaptation())

    problem(response, 429)
    assert response.headers["retry-after"] == "1800"
    assert rationed.queue.waiting() == 2
    assert len(rationed.store.jobs.list()) == 2


def test_plans_faults_and_repeats_are_no_jobs(rationed: Service) -> None:
    named = {"idempotency-key": "once"}
    for _ in range(3):
        assert rationed.http.post("/adapt", json=adaptation(dry_run=True)).status_code == 200
        rationed.refused(422, adaptation(language="nowhere"))
        assert rationed.http.post("/adapt", json=adaptation(), headers=named).status_code == 202

    rationed.adapt()
    rationed.refused(429, adaptation())


def test_a_submission_that_was_refused_may_be_repeated_under_its_name(rationed: Service) -> None:
    named = {"idempotency-key": "late"}
    for _ in range(2):
        rationed.adapt()
    problem(rationed.http.post("/adapt", json=adaptation(), headers=named), 429)

    state(rationed).rate_limits = RateLimits.of(Settings(**RATES))

    assert rationed.http.post("/adapt", json=adaptation(), headers=named).status_code == 202


def test_each_key_has_a_rate_of_its_own(redis_url: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    made = [new_key(name, [Scope.PREDICT]) for name in ("shop", "bank")]
    with changing(file) as keys:
        keys.extend(kept for _, kept in made)
    shop, bank = ({"authorization": f"Bearer {shown}"} for shown, _ in made)
    with running(redis_url, tmp_path, keys_file=file, **RATES) as service:
        service.make_base()
        assert predict(service, 10, headers=shop).status_code == 200
        assert predict(service, 1, headers=shop).status_code == 429
        assert predict(service, 10, headers=bank).status_code == 200


def test_without_keys_each_address_has_a_rate_of_its_own(rationed: Service) -> None:
    neighbour = TestClient(rationed.http.app, client=("192.0.2.9", 1))
    predict(rationed, 10)

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
def test_a_network_of_ipv6_is_one_caller(host: str, caller: str) -> None:
    assert caller_of(Request({"type": "http", "client": (host, 1)})) == caller
