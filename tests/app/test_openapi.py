"""The description of the API is what is committed, and the API is what it describes."""

import json
from typing import Any

import pytest

from app.main import create_app
from app.openapi import REQUESTS
from app.openapi_export import as_text
from tests.app.service import Service
from tests.repository import ROOT

COMMITTED = ROOT / "docs" / "reference" / "openapi.json"


@pytest.fixture
def described(fresh: Service) -> dict[str, Any]:
    schema: dict[str, Any] = fresh.http.get("/openapi.json").json()
    return schema


def test_the_description_is_the_committed_one(described: dict[str, Any]) -> None:
    described["info"]["version"] = json.loads(COMMITTED.read_text(encoding="utf-8"))["info"]["version"]

    assert as_text(described) == COMMITTED.read_text(encoding="utf-8"), (
        "the API has changed: run `python -m app.openapi_export > docs/reference/openapi.json`"
    )


def test_every_route_has_a_summary_a_description_and_its_problems(described: dict[str, Any]) -> None:
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            where = f"{method} {path}"
            assert route["summary"], where
            assert len(route["description"]) > 20, where
            assert route["tags"], where
            for status, response in route["responses"].items():
                if int(status) >= 400 and path != "/health/ready":
                    assert list(response["content"]) == ["application/problem+json"], f"{where} {status}"


def test_every_request_body_has_an_example(described: dict[str, Any]) -> None:
    for model in REQUESTS:
        assert described["components"]["schemas"][model.__name__]["examples"], model


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    text = json.dumps(described)
    referred = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}

    assert referred <= set(described["components"]["schemas"])
    assert "#/$defs/" not in text


def test_the_examples_are_requests_that_are_understood(described: dict[str, Any]) -> None:
    for model in REQUESTS:
        for example in described["components"]["schemas"][model.__name__]["examples"]:
            assert model.model_validate(example)


def test_the_app_describes_itself_without_redis_store_or_model() -> None:
    services: Any = object()

    assert create_app(services=services).openapi()["info"]["title"] == "xmetra"
