from core.errors import CorruptArtifact
from tests.app.service import Service


def test_liveness_is_always_ok(fresh: Service) -> None:
    assert fresh.http.get("/health/live").json() == {"status": "live"}


def test_readiness_is_ready_without_a_base(fresh: Service) -> None:
    response = fresh.http.get("/health/ready")

    assert response.status_code == 200
    assert response.json()["model"]["status"] == "absent"


def test_readiness_runs_the_base(service: Service) -> None:
    response = service.http.get("/health/ready")

    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert {response.json()[part]["status"] for part in ("redis", "store", "model")} == {"ok"}
    assert service.loader.models["base-en"].batches


def test_readiness_is_ready_with_a_base_of_questions_only(fresh: Service) -> None:
    fresh.make_qa_base()

    assert fresh.http.get("/health/ready").json()["model"]["status"] == "ok"
    assert fresh.loader.loaded == ["qa-base-en"]


def test_readiness_reports_a_model_that_cannot_be_loaded(service: Service) -> None:
    service.loader.failure = CorruptArtifact("model.safetensors is missing")

    response = service.http.get("/health/ready")

    assert response.status_code == 503
    assert response.json()["status"] == "not ready"
    assert response.json()["model"] == {"status": "failed", "detail": "model.safetensors is missing"}
    assert response.json()["redis"]["status"] == "ok"


def test_every_response_has_a_request_id(fresh: Service) -> None:
    assert len(fresh.http.get("/health/live").headers["x-request-id"]) == 32
    for request_id, is_returned in (("trace-1", True), ("a b", False), ("x" * 65, False)):
        response = fresh.http.get("/health/live", headers={"x-request-id": request_id})
        assert (response.headers["x-request-id"] == request_id) is is_returned
