"""Requests that a machine invents from the description, good and bad: each is answered as described."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.dependencies import Services
from app.main import create_app
from app.registry.archives import TAR
from tests.app.archives import archive
from tests.app.service import Service, few_shot, running

AnyCase = schemathesis.Case[Any]

REQUESTS_A_ROUTE = 60

DESCRIBED: dict[str, Any] = create_app(services=cast(Services, None)).openapi()["paths"]

CASES = [
    (f"{method} {path}", mode)
    for path, methods in DESCRIBED.items()
    for method, route in methods.items()
    for mode in GenerationMode
    if mode.is_positive or "requestBody" in route or "parameters" in route
]
"""Every route, asked rightly and wrongly; one that takes nothing cannot be asked wrongly."""


@schemathesis.serializer(TAR)
def as_bytes(_: object, value: object) -> bytes:
    """Send what was invented as an archive, though it is none."""
    return value if isinstance(value, bytes) else str(value).encode()


CHOSEN = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def service(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(redis_url, tmp_path_factory.mktemp("invented")) as service:
        service.make_base()
        service.make_qa_base()
        yield service


@pytest.fixture(scope="module")
def schema(service: Service) -> BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", service.http.app)


@pytest.fixture(scope="module")
def known(service: Service) -> dict[str, str]:
    """What a machine cannot invent: names of things that are there, and languages."""
    stored = service.http.post("/datasets", json={"language": "es", "examples": few_shot()}).json()
    job = service.adapt(examples=None, dataset=stored["dataset_id"])
    service.http.post(f"/jobs/{job['job_id']}/cancel")
    return {
        "checkpoint_id": "base-en",
        "dataset_id": stored["dataset_id"],
        "job_id": job["job_id"],
        "language": "es",
        "source_language": "en",
    }


def with_known(case: AnyCase, known: dict[str, str]) -> AnyCase:
    """Put what is known into a request, so that it comes further than the first check."""
    if case.media_type == TAR:
        case.body = archive()
    for values in (case.path_parameters, case.query, case.body):
        if isinstance(values, dict):
            values.update({name: known[name] for name in values if name in known})
            put_languages(values.get("utterances"), known["language"])
            put_languages(values.get("questions"), known["language"])
    return case


def put_languages(items: Any, language: str) -> None:
    """Let each item that has a language have this one."""
    for item in items or []:
        if isinstance(item, dict) and "language" in item:
            item["language"] = language


@pytest.mark.parametrize(("route", "mode"), CASES, ids=lambda part: str(getattr(part, "value", part)))
def test_every_answer_is_as_described(
    schema: BaseSchema, known: dict[str, str], route: str, mode: GenerationMode
) -> None:
    method, path = route.split()
    operation = schema[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=REQUESTS_A_ROUTE,
        derandomize=True,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def answered(case: AnyCase) -> None:
        chosen = with_known(case, known) if mode.is_positive else case
        chosen.call_and_validate(checks=CHOSEN)

    answered()
