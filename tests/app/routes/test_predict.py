import pytest

from core.contracts.values import MTOD
from core.errors import CorruptArtifact
from tests.app.service import INTENTS, Json, Service, faults, problem


def predict(service: Service, *utterances: Json, **fields: Json) -> Json:
    """Predict utterances and return the response."""
    body = {"utterances": list(utterances), **fields}
    response = service.http.post("/predict/mtod", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_predict_returns_intent_and_slots(service: Service) -> None:
    response = predict(service, "mañana llueve", language="es")

    assert response["predictions"] == [
        {
            "id": None,
            "text": "mañana llueve",
            "language": "es",
            "intent": {"name": INTENTS[0], "confidence": 0.5},
            "intent_ranking": [
                {"name": intent, "confidence": round(1 / (2 + rank), 3)}
                for rank, intent in enumerate(INTENTS)
            ],
            "slots": [{"slot": "location", "value": "mañana", "start": 0, "end": 6, "confidence": 0.5}],
            "adapted": False,
        }
    ]
    assert response["checkpoints"] == {"es": "base-en"}
    assert response["usage"]["tokens"] == 4
    assert response["usage"]["queue_ms"] >= 0
    assert response["usage"]["inference_ms"] > 0


def test_predict_keeps_the_order_and_the_ids_of_the_client(service: Service) -> None:
    service.adapt_to("es", "es-1")
    utterances = [
        {"id": "a", "text": "uno", "language": "es"},
        {"id": "b", "text": "eins", "language": "de"},
        "dos",
        {"id": "d", "text": "one", "language": "en"},
    ]

    response = predict(service, *utterances, language="es")

    assert [prediction["id"] for prediction in response["predictions"]] == ["a", "b", None, "d"]
    assert [prediction["text"] for prediction in response["predictions"]] == ["uno", "eins", "dos", "one"]
    assert [prediction["language"] for prediction in response["predictions"]] == ["es", "de", "es", "en"]
    assert response["checkpoints"] == {"es": "es-1", "de": "base-en", "en": "base-en"}


def test_predict_batches_all_languages_of_a_model(service: Service) -> None:
    predict(service, {"text": "one", "language": "en"}, {"text": "eins", "language": "de"})

    assert service.loader.models["base-en"].batches == [["one", "eins"]]


class TestAdapted:
    def test_predict_uses_the_model_of_the_language(self, service: Service) -> None:
        service.adapt_to("es", "es-1")

        response = predict(service, "uno", language="es")

        assert response["predictions"][0]["adapted"] is True
        assert response["checkpoints"] == {"es": "es-1"}

    def test_predict_uses_the_base_for_a_language_without_deployment(self, service: Service) -> None:
        service.adapt_to("es", "es-1")

        response = predict(service, "un", language="fr")

        assert response["predictions"][0]["adapted"] is False
        assert response["checkpoints"] == {"fr": "base-en"}

    @pytest.mark.parametrize("language", ["en", "en-GB"])
    def test_predict_marks_the_source_language_as_adapted(self, service: Service, language: str) -> None:
        assert predict(service, "one", language=language)["predictions"][0]["adapted"] is True

    @pytest.mark.parametrize("language", ["es-MX", "es-Latn-MX", "es_mx", "es-u-co-trad"])
    def test_predict_uses_the_model_of_the_language_for_a_variety(
        self, service: Service, language: str
    ) -> None:
        service.adapt_to("es", "es-1")

        response = predict(service, "uno", language=language)

        assert list(response["checkpoints"].values()) == ["es-1"]
        assert response["predictions"][0]["adapted"] is True

    def test_predict_does_not_use_the_model_of_a_variety_for_its_language(self, service: Service) -> None:
        service.adapt_to("es-MX", "mx-1")

        assert predict(service, "uno", language="es")["checkpoints"] == {"es": "base-en"}

    def test_predict_marks_a_language_served_by_the_base_as_not_adapted(self, service: Service) -> None:
        service.store.deployments.deploy(MTOD, "es", "base-en", reason="rolled back")

        assert predict(service, "uno", language="es")["predictions"][0]["adapted"] is False


class TestCheckpoint:
    def test_predict_uses_a_named_checkpoint(self, service: Service) -> None:
        service.adapt_to("es", "es-1")

        response = predict(service, "uno", language="es", checkpoint="base-en")

        assert response["checkpoints"] == {"es": "base-en"}
        assert response["predictions"][0]["adapted"] is False

    def test_predict_needs_no_deployment_of_a_named_checkpoint(self, fresh: Service) -> None:
        fresh.make_checkpoint("free", languages=("en", "es"))

        assert predict(fresh, "uno", language="es", checkpoint="free")["predictions"][0]["adapted"] is True


class TestRefused:
    def test_predict_refuses_an_utterance_without_a_language(self, service: Service) -> None:
        body = {"utterances": ["uno", {"text": "dos", "language": "es"}, "tres"]}

        assert set(faults(service.refused(422, body, "/predict/mtod"))) == {"/utterances/0", "/utterances/2"}

    def test_predict_reports_places_of_the_request(self, service: Service) -> None:
        body = {
            "utterances": ["", {"text": ""}, {"text": "a", "language": "zz1"}, 7, {"a": 1}],
            "language": "es",
        }

        assert set(faults(service.refused(422, body, "/predict/mtod"))) == {
            "/utterances/0",
            "/utterances/1/text",
            "/utterances/2/language",
            "/utterances/3",
            "/utterances/4/text",
            "/utterances/4/a",
        }

    def test_predict_refuses_a_text_of_too_many_tokens(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        long = "a " * 200
        utterances = ["uno", long, {"text": long, "language": "en"}]

        refusal = service.refused(422, {"utterances": utterances, "language": "es"}, "/predict/mtod")

        assert set(faults(refusal)) == {"/utterances/1", "/utterances/2"}
        assert "200 tokens" in faults(refusal)["/utterances/1"]

    def test_predict_refuses_an_empty_list(self, service: Service) -> None:
        refusal = service.refused(422, {"utterances": [], "language": "es"}, "/predict/mtod")

        assert set(faults(refusal)) == {"/utterances"}

    @pytest.mark.parametrize("top_k", [0, 101, "many", 1.5])
    def test_predict_refuses_an_invalid_top_k(self, service: Service, top_k: object) -> None:
        body = {"utterances": ["uno"], "language": "es", "top_k": top_k}

        assert set(faults(service.refused(422, body, "/predict/mtod"))) == {"/top_k"}


class TestUnavailable:
    def test_predict_is_unavailable_without_a_base(self, fresh: Service) -> None:
        response = fresh.http.post("/predict/mtod", json={"utterances": ["uno"], "language": "es"})

        assert "POST /pretrain" in problem(response, 503)["detail"]
        assert int(response.headers["retry-after"]) > 0

    def test_predict_reports_a_lost_checkpoint(self, service: Service) -> None:
        service.store.deployments.deploy(MTOD, "es", "gone", reason="a test")

        refusal = service.refused(503, {"utterances": ["uno"], "language": "es"}, "/predict/mtod")

        assert "gone" in refusal["detail"]

    def test_predict_retries_a_damaged_checkpoint(self, service: Service) -> None:
        body = {"utterances": ["uno"], "language": "es"}
        service.loader.failure = CorruptArtifact("checkpoint base-en: model.safetensors is missing")
        refusal = service.refused(500, body, "/predict/mtod")
        service.loader.failure = None

        assert refusal["type"] == "urn:xmetra:problem:corrupt-artifact"
        assert service.http.post("/predict/mtod", json=body).status_code == 200

    def test_predict_reports_a_bug_without_details(self, service: Service) -> None:
        service.loader.failure = RuntimeError("password=hunter2")

        refusal = service.refused(500, {"utterances": ["uno"], "language": "es"}, "/predict/mtod")

        assert "hunter2" not in str(refusal)
        assert refusal["request_id"] in refusal["detail"]
