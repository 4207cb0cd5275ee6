import pytest

from core.contracts.values import TaskName
from core.errors import CorruptArtifact
from tests.app.service import INTENTS, Json, Service, faults, problem


def predict(service: Service, *utterances: Json, **fields: Json) -> Json:
    """Ask for predictions and return what was answered."""
    body = {"utterances": list(utterances), **fields}
    response = service.http.post("/predict/mtod", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_an_utterance_is_understood(service: Service) -> None:
    told = predict(service, "mañana llueve", language="es")

    assert told["predictions"] == [
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
    assert told["checkpoints"] == {"es": "base-en"}
    assert told["usage"]["tokens"] == 4
    assert told["usage"]["queue_ms"] >= 0
    assert told["usage"]["inference_ms"] > 0


def test_answers_keep_the_order_and_the_callers_names(service: Service) -> None:
    service.adapt_to("es", "es-1")
    utterances = [
        {"id": "a", "text": "uno", "language": "es"},
        {"id": "b", "text": "eins", "language": "de"},
        "dos",
        {"id": "d", "text": "one", "language": "en"},
    ]

    told = predict(service, *utterances, language="es")

    assert [one["id"] for one in told["predictions"]] == ["a", "b", None, "d"]
    assert [one["text"] for one in told["predictions"]] == ["uno", "eins", "dos", "one"]
    assert [one["language"] for one in told["predictions"]] == ["es", "de", "es", "en"]
    assert told["checkpoints"] == {"es": "es-1", "de": "base-en", "en": "base-en"}


def test_one_model_is_asked_once_for_all_of_its_languages(service: Service) -> None:
    predict(service, {"text": "one", "language": "en"}, {"text": "eins", "language": "de"})

    assert service.loader.models["base-en"].batches == [["one", "eins"]]


class TestAdapted:
    def test_an_adapted_language_is_answered_by_its_own_model(self, service: Service) -> None:
        service.adapt_to("es", "es-1")

        told = predict(service, "uno", language="es")

        assert told["predictions"][0]["adapted"] is True
        assert told["checkpoints"] == {"es": "es-1"}

    def test_a_language_nobody_adapted_is_answered_zero_shot(self, service: Service) -> None:
        service.adapt_to("es", "es-1")

        told = predict(service, "un", language="fr")

        assert told["predictions"][0]["adapted"] is False
        assert told["checkpoints"] == {"fr": "base-en"}

    @pytest.mark.parametrize("language", ["en", "en-GB"])
    def test_the_base_knows_its_own_language(self, service: Service, language: str) -> None:
        assert predict(service, "one", language=language)["predictions"][0]["adapted"] is True

    @pytest.mark.parametrize("language", ["es-MX", "es-Latn-MX", "es_mx", "es-u-co-trad"])
    def test_a_variety_is_answered_by_its_language(self, service: Service, language: str) -> None:
        service.adapt_to("es", "es-1")

        told = predict(service, "uno", language=language)

        assert list(told["checkpoints"].values()) == ["es-1"]
        assert told["predictions"][0]["adapted"] is True

    def test_a_language_is_not_answered_by_its_variety(self, service: Service) -> None:
        service.adapt_to("es-MX", "mx-1")

        assert predict(service, "uno", language="es")["checkpoints"] == {"es": "base-en"}

    def test_a_language_rolled_back_to_the_base_says_so(self, service: Service) -> None:
        service.store.deployments.deploy(TaskName.MTOD, "es", "base-en", reason="rolled back")

        assert predict(service, "uno", language="es")["predictions"][0]["adapted"] is False


class TestCheckpoint:
    def test_a_named_checkpoint_answers_in_place_of_what_serves(self, service: Service) -> None:
        service.adapt_to("es", "es-1")

        told = predict(service, "uno", language="es", checkpoint="base-en")

        assert told["checkpoints"] == {"es": "base-en"}
        assert told["predictions"][0]["adapted"] is False

    def test_a_named_checkpoint_needs_no_deployment(self, fresh: Service) -> None:
        fresh.make_checkpoint("free", languages=("en", "es"))

        assert predict(fresh, "uno", language="es", checkpoint="free")["predictions"][0]["adapted"] is True


class TestRefused:
    def test_an_utterance_without_a_language(self, service: Service) -> None:
        body = {"utterances": ["uno", {"text": "dos", "language": "es"}, "tres"]}

        assert set(faults(service.refused(422, body, "/predict/mtod"))) == {"/utterances/0", "/utterances/2"}

    def test_places_are_those_of_what_was_sent(self, service: Service) -> None:
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

    def test_a_text_of_too_many_tokens_is_never_cut_in_silence(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        long = "a " * 200
        utterances = ["uno", long, {"text": long, "language": "en"}]

        told = service.refused(422, {"utterances": utterances, "language": "es"}, "/predict/mtod")

        assert set(faults(told)) == {"/utterances/1", "/utterances/2"}
        assert "200 tokens" in faults(told)["/utterances/1"]

    def test_nothing_to_understand(self, service: Service) -> None:
        told = service.refused(422, {"utterances": [], "language": "es"}, "/predict/mtod")

        assert set(faults(told)) == {"/utterances"}

    @pytest.mark.parametrize("top_k", [0, 101, "many", 1.5])
    def test_a_ranking_of_no_sensible_length(self, service: Service, top_k: object) -> None:
        body = {"utterances": ["uno"], "language": "es", "top_k": top_k}

        assert set(faults(service.refused(422, body, "/predict/mtod"))) == {"/top_k"}


class TestUnavailable:
    def test_no_base_at_all(self, fresh: Service) -> None:
        response = fresh.http.post("/predict/mtod", json={"utterances": ["uno"], "language": "es"})

        assert "POST /pretrain" in problem(response, 503)["detail"]
        assert int(response.headers["retry-after"]) > 0

    def test_a_deployed_checkpoint_that_the_store_has_lost(self, service: Service) -> None:
        service.store.deployments.deploy(TaskName.MTOD, "es", "gone", reason="a test")

        told = service.refused(503, {"utterances": ["uno"], "language": "es"}, "/predict/mtod")

        assert "gone" in told["detail"]

    def test_a_damaged_checkpoint_is_tried_again_the_next_time(self, service: Service) -> None:
        body = {"utterances": ["uno"], "language": "es"}
        service.loader.failure = CorruptArtifact("checkpoint base-en: model.safetensors is missing")
        told = service.refused(500, body, "/predict/mtod")
        service.loader.failure = None

        assert told["type"] == "urn:xmetra:problem:corrupt-artifact"
        assert service.http.post("/predict/mtod", json=body).status_code == 200

    def test_a_bug_is_told_without_its_secrets(self, service: Service) -> None:
        service.loader.failure = RuntimeError("password=hunter2")

        told = service.refused(500, {"utterances": ["uno"], "language": "es"}, "/predict/mtod")

        assert "hunter2" not in str(told)
        assert told["request_id"] in told["detail"]
