"""Requests generated from the OpenAPI description: the responses to all of them conform to it."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
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
from app.security.api_keys import Scope, new_key
from app.security.key_store import edit_keys
from app.security.permissions import OPEN, allowed_scopes
from tests.app.archives import archive
from tests.app.service import Service, few_shot, running

AnyCase = schemathesis.Case[Any]

REQUESTS_A_ROUTE = int(os.environ.get("XMETRA_TEST_INVENTED_REQUESTS", "60"))
"""Maximum of requests for each route and mode; a route without parameters has fewer."""

OF_A_CLOSED_SERVICE = max(2, REQUESTS_A_ROUTE // 10)
"""Requests for each route of a service with keys, most of which are refused alike."""

ALL_TOGETHER = 2000

DESCRIBED: dict[str, Any] = create_app(services=cast(Services, None)).openapi()["paths"]

CASES = [
    (f"{method} {path}", mode)
    for path, methods in DESCRIBED.items()
    for method, route in methods.items()
    for mode in GenerationMode
    if mode.is_positive or "requestBody" in route or "parameters" in route
]
"""Every route with both modes; a route without parameters and body has no invalid requests."""

ROUTES = [f"{method} {path}" for path, methods in DESCRIBED.items() for method in methods]

SENT: Counter[tuple[str, GenerationMode]] = Counter()
"""Number of requests sent to the open service."""


@schemathesis.serializer(TAR)
def as_bytes(_: object, value: object) -> bytes:
    """Serialise a generated value as the bytes of an archive."""
    return value if isinstance(value, bytes) else str(value).encode()


AS_DESCRIBED = [
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
    """Return values that cannot be generated: ids of existing resources, and languages."""
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


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A file of keys, and a key of each scope."""
    new_keys = {scope.value: new_key(scope.value, [scope]) for scope in Scope}
    file = tmp_path_factory.mktemp("keys") / "keys.jsonl"
    with edit_keys(file) as stored_keys:
        stored_keys.extend(stored for _, stored in new_keys.values())
    by_scope = {scope: key for scope, (key, _) in new_keys.items()}
    return {**by_scope, "unknown key": new_key("x", [Scope.ADMIN])[0], "file": str(file)}


@pytest.fixture(scope="module")
def closed(
    redis_url: str, tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]
) -> Iterator[BaseSchema]:
    """A service with keys."""
    with running(redis_url, tmp_path_factory.mktemp("closed"), keys_file=Path(keys["file"])) as service:
        service.make_base()
        service.make_qa_base()
        yield schemathesis.openapi.from_asgi("/openapi.json", service.http.app)


@pytest.fixture(scope="module")
def crippled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSchema]:
    """A service whose Redis is down."""
    folder = tmp_path_factory.mktemp("crippled")
    with running(f"unix://{folder}/nobody.sock", folder) as service:
        service.make_base()
        service.make_qa_base()
        yield schemathesis.openapi.from_asgi("/openapi.json", service.http.app)


def with_known(case: AnyCase, known: dict[str, str]) -> AnyCase:
    """Put existing ids into a request, so that it passes the first checks."""
    if case.media_type == TAR:
        case.body = archive()
    for values in (case.path_parameters, case.query, case.body):
        if isinstance(values, dict):
            values.update({name: known[name] for name in values if name in known})
            put_languages(values.get("utterances"), known["language"])
            put_languages(values.get("questions"), known["language"])
    return case


def put_languages(items: Any, language: str) -> None:
    """Set the language of each item that has one."""
    for item in items or []:
        if isinstance(item, dict) and "language" in item:
            item["language"] = language


def for_each_case(
    schema: BaseSchema, route: str, mode: GenerationMode, max_examples: int, check: Callable[[AnyCase], None]
) -> None:
    """Generate requests to a route, always the same ones, and check each."""
    method, path = route.split()

    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    @settings(
        max_examples=max_examples,
        derandomize=True,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def generated(case: AnyCase) -> None:
        check(case)

    generated()


@pytest.mark.parametrize(("route", "mode"), CASES, ids=lambda part: str(getattr(part, "value", part)))
def test_responses_conform_to_the_description(
    schema: BaseSchema, known: dict[str, str], route: str, mode: GenerationMode
) -> None:
    def check(case: AnyCase) -> None:
        SENT[route, mode] += 1
        request = with_known(case, known) if mode.is_positive else case
        request.call_and_validate(checks=[not_a_server_error, *AS_DESCRIBED])

    for_each_case(schema, route, mode, REQUESTS_A_ROUTE, check)


def test_number_of_generated_requests() -> None:
    if missing := set(CASES) - set(SENT):
        pytest.skip(f"{len(missing)} routes were not tested")
    assert SENT.total() >= ALL_TOGETHER * min(1, REQUESTS_A_ROUTE / 60)


@pytest.mark.parametrize("key_name", ["no key", "unknown key", *Scope])
@pytest.mark.parametrize("route", ROUTES)
def test_refusals_of_a_service_with_keys_conform_to_the_description(
    closed: BaseSchema, keys: dict[str, str], route: str, key_name: str
) -> None:
    headers = {"authorization": f"Bearer {keys[key_name]}"} if key_name in keys else {}
    method, path = route.split()
    allowed = allowed_scopes(method.upper(), path) or OPEN

    def check(case: AnyCase) -> None:
        response = case.call_and_validate(checks=[not_a_server_error, *AS_DESCRIBED], headers=headers)
        is_known = key_name in {scope.value for scope in Scope}
        may = allowed == OPEN or key_name == Scope.ADMIN or (is_known and Scope(key_name) in allowed)
        assert (response.status_code in {401, 403}) is not may
        assert (response.status_code == 401) is (not may and not is_known)

    for_each_case(closed, route, GenerationMode.POSITIVE, OF_A_CLOSED_SERVICE, check)


@pytest.mark.parametrize(("route", "mode"), CASES, ids=lambda part: str(getattr(part, "value", part)))
def test_responses_without_redis_conform_to_the_description(
    crippled: BaseSchema, known: dict[str, str], route: str, mode: GenerationMode
) -> None:
    def check(case: AnyCase) -> None:
        request = with_known(case, known) if mode.is_positive else case
        response = request.call_and_validate(checks=AS_DESCRIBED)
        assert response.status_code < 500 or response.status_code == 503

    for_each_case(crippled, route, mode, OF_A_CLOSED_SERVICE, check)
