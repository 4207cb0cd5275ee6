"""The OpenAPI description equals the committed one, and describes every part of the API."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.main import create_app
from app.openapi import body_models
from app.openapi_export import as_text
from tests.app.service import Service
from tests.repository import ROOT

COMMITTED = ROOT / "docs" / "reference" / "openapi.json"

FASTAPI_DEFAULT = "Successful Response"
"""The description of a response that a route gives none."""


@pytest.fixture
def description(fresh: Service) -> dict[str, Any]:
    schema: dict[str, Any] = fresh.http.get("/openapi.json").json()
    return schema


def test_openapi_is_the_committed_description(description: dict[str, Any]) -> None:
    description["info"]["version"] = json.loads(COMMITTED.read_text(encoding="utf-8"))["info"]["version"]

    assert as_text(description) == COMMITTED.read_text(encoding="utf-8"), (
        "the API has changed: run `python -m app.openapi_export > docs/reference/openapi.json`"
    )


def test_openapi_routes_have_a_summary_a_description_and_problems(description: dict[str, Any]) -> None:
    for path, methods in description["paths"].items():
        for method, route in methods.items():
            where = f"{method} {path}"
            assert route["summary"], where
            assert len(route["description"]) > 20, where
            assert route["tags"], where
            for status, response in route["responses"].items():
                if int(status) >= 400 and path != "/health/ready":
                    assert list(response["content"]) == ["application/problem+json"], f"{where} {status}"


def parts(node: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every property, schema, parameter, header, body and response with its JSON pointer."""
    if isinstance(node, list):
        for index, part in enumerate(node):
            yield from parts(part, f"{where}/{index}")
        return
    if not isinstance(node, dict):
        return
    for name, part in node.items():
        pointer = f"{where}/{name.replace('/', '~1')}"
        if name in {"properties", "schemas", "responses", "headers"} and isinstance(part, dict):
            yield from ((f"{pointer}/{key}", value) for key, value in part.items())
        elif name == "parameters":
            yield from ((f"{pointer}/{parameter['name']}", parameter) for parameter in part)
        elif name == "requestBody":
            yield pointer, part
        yield from parts(part, pointer)


def test_openapi_describes_every_property_parameter_body_and_response(description: dict[str, Any]) -> None:
    described = dict(parts(description))

    assert len(described) > 400
    missing = [
        where for where, part in described.items() if part.get("description") in {None, "", FASTAPI_DEFAULT}
    ]
    assert missing == []


def test_openapi_descriptions_hold_no_sections_of_docstrings(description: dict[str, Any]) -> None:
    sections = ("Attributes:", "Args:", "Returns:", "Raises:", "``")

    assert [
        where
        for where, part in parts(description)
        if any(section in part["description"] for section in sections)
    ] == []


def test_openapi_request_bodies_have_examples(description: dict[str, Any]) -> None:
    for model in body_models():
        assert description["components"]["schemas"][model.__name__]["examples"], model


def test_openapi_examples_are_valid_requests(description: dict[str, Any]) -> None:
    for model in body_models():
        for example in description["components"]["schemas"][model.__name__]["examples"]:
            assert model.model_validate(example)


def test_openapi_references_name_existing_schemas(description: dict[str, Any]) -> None:
    text = json.dumps(description)
    references = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}

    assert references <= set(description["components"]["schemas"])
    assert "#/$defs/" not in text


def test_openapi_needs_no_redis_store_or_model() -> None:
    services: Any = object()

    assert create_app(services=services).openapi()["info"]["title"] == "xmetra"
