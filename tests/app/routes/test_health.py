from core.errors import CorruptArtifact
from tests.app.service import Service


def test_a_process_that_answers_is_live(fresh: Service) -> None:
    assert fresh.http.get("/health/live").json() == {"status": "live"}


def test_a_service_without_a_base_is_ready_to_make_one(fresh: Service) -> None:
    response = fresh.http.get("/health/ready")

    assert response.status_code == 200
    assert response.json()["model"]["status"] == "absent"


def test_ready_means_that_the_base_has_answered(service: Service) -> None:
    response = service.http.get("/health/ready")

    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert {response.json()[part]["status"] for part in ("redis", "store", "model")} == {"ok"}
    assert service.loader.models["base-en"].batches


def test_a_service_with_nothing_but_questions_is_ready_too(fresh: Service) -> None:
    fresh.make_qa_base()

    assert fresh.http.get("/health/ready").json()["model"]["status"] == "ok"
    assert fresh.loader.loaded == ["qa-base-en"]


def test_a_model_that_cannot_be_loaded_is_told(service: Service) -> None:
    service.loader.failure = CorruptArtifact("model.safetensors is missing")

    response = service.http.get("/health/ready")

    assert response.status_code == 503
    assert response.json()["status"] == "not ready"
    assert response.json()["model"] == {"status": "failed", "detail": "model.safetensors is missing"}
    assert response.json()["redis"]["status"] == "ok"


def test_every_answer_carries_an_id_and_a_harmless_one_is_kept(fresh: Service) -> None:
    assert len(fresh.http.get("/health/live").headers["x-request-id"]) == 32
    for given, kept in (("trace-1", True), ("a b", False), ("x" * 65, False)):
        answered = fresh.http.get("/health/live", headers={"x-request-id": given}).headers["x-request-id"]
        assert (answered == given) is kept
