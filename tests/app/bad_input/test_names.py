"""Invalid or unknown paths, ids, queries and headers."""

from typing import Any

import pytest

from tests.app.service import Service, adaptation, faults, few_shot, problem

TRICKS = [
    "..",
    "../x",
    "..%2fx",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f",
    "a%00b",
    "a%0ab",
    "%ff",
    "a b",
    "é",
    "a" * 65,
]


@pytest.mark.parametrize("trick", TRICKS)
class TestIdsInPaths:
    @pytest.mark.parametrize("path", ["/jobs/{}", "/jobs/{}/events", "/datasets/{}"])
    def test_reading_an_invalid_id_is_refused(self, service: Service, path: str, trick: str) -> None:
        response = service.http.get(path.format(trick))

        problem(response, response.status_code)
        assert response.status_code in {404, 422}

    def test_cancelling_an_invalid_id_is_refused(self, service: Service, trick: str) -> None:
        response = service.http.post(f"/jobs/{trick}/cancel")

        problem(response, response.status_code)
        assert response.status_code in {404, 405, 422}


@pytest.mark.parametrize("trick", ["../../etc", "..", "a/b", "a\0b", "a\n", "", "é", "a" * 65])
class TestIdsInBodies:
    @pytest.mark.parametrize("field", ["dataset", "base"])
    def test_adapt_refuses_an_invalid_id(self, service: Service, field: str, trick: str) -> None:
        body = {**adaptation(examples=few_shot() if field == "base" else None), field: trick}

        assert f"/{field}" in faults(service.refused(422, body))

    def test_evaluation_refuses_an_invalid_id(self, service: Service, trick: str) -> None:
        refusal = service.refused(422, adaptation(evaluation={"dataset": trick}))

        assert "/evaluation/dataset" in faults(refusal)

    def test_pretrain_refuses_an_invalid_id(self, service: Service, trick: str) -> None:
        refusal = service.refused(422, {"source_language": "en", "dataset": trick}, "/pretrain")

        assert "/dataset" in faults(refusal)

    def test_predict_refuses_an_invalid_id(self, service: Service, trick: str) -> None:
        body = {"utterances": ["hola"], "language": "es", "checkpoint": trick}

        assert "/checkpoint" in faults(service.refused(422, body, "/predict/mtod"))

    def test_cursor_refuses_an_invalid_id(self, service: Service, trick: str) -> None:
        refusal = problem(service.http.get("/jobs", params={"cursor": trick}), 422)

        assert "query/cursor" in faults(refusal)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/adapt", adaptation(examples=None, dataset="nobody")),
        ("/adapt", adaptation(base="nobody")),
        ("/adapt", adaptation(evaluation={"dataset": "nobody"})),
        ("/pretrain", {"source_language": "en", "dataset": "nobody"}),
        ("/predict/mtod", {"utterances": ["hola"], "language": "es", "checkpoint": "nobody"}),
    ],
)
def test_unknown_id_is_not_found(service: Service, path: str, body: Any) -> None:
    refusal = service.refused(404, body, path)

    assert "'nobody'" in refusal["detail"]


class TestRoutes:
    @pytest.mark.parametrize("path", ["/nothing", "/jobs/", "//adapt"])
    def test_unknown_route_is_not_found(self, service: Service, path: str) -> None:
        problem(service.http.get(path), 404)

    def test_unknown_method_is_not_allowed(self, service: Service) -> None:
        response = service.http.delete("/adapt")

        problem(response, 405)
        assert response.headers["allow"] == "POST"

    @pytest.mark.parametrize(
        "query",
        ["limit=0", "limit=1000", "limit=x", "status=lost", "task=x", "language=espanol", "colour=red"],
    )
    def test_invalid_query_is_refused(self, service: Service, query: str) -> None:
        refusal = problem(service.http.get(f"/jobs?{query}"), 422)

        assert f"query/{query.partition('=')[0]}" in faults(refusal)

    @pytest.mark.parametrize("key", [b"", b"a b", "é".encode(), b"\xff", b"x" * 256])
    def test_invalid_idempotency_key_is_refused(self, service: Service, key: bytes) -> None:
        response = service.http.post("/adapt", json=adaptation(), headers={b"idempotency-key": key})

        problem(response, 422)
