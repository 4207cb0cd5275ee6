from core.contracts.values import MTOD, QA
from tests.app.service import Service, faults, problem

SCORES = {"intent_accuracy": 0.9, "slot_f1": 0.8, "exact_match": 0.7, "examples": 10}


def test_list_is_empty_before_the_first_base(fresh: Service) -> None:
    assert fresh.http.get("/languages").json() == {
        "tasks": [
            {"task": "mtod", "base": None, "languages": []},
            {"task": "qa", "base": None, "languages": []},
        ]
    }


def test_list_has_the_source_language_of_the_base(service: Service) -> None:
    (task, _) = service.http.get("/languages").json()["tasks"]

    assert task["languages"] == []
    assert task["base"]["checkpoint_id"] == "base-en"
    assert task["base"]["source_language"] == "en"
    assert task["base"]["scores"] == SCORES
    assert task["base"]["since"].endswith("Z")


def test_list_has_the_deployment_of_every_language(service: Service) -> None:
    service.adapt_to("es", "es-1")
    service.adapt_to("th", "th-1")
    service.adapt_to("es", "es-2")

    (task, _) = service.http.get("/languages").json()["tasks"]

    served = {
        entry["language"]: (entry["checkpoint_id"], entry["adapted"], entry["number"])
        for entry in task["languages"]
    }
    assert served == {"es": ("es-2", True, 2), "th": ("th-1", True, 1)}
    assert task["languages"][0]["scores"] == SCORES


def test_list_marks_a_language_served_by_the_base_as_not_adapted(service: Service) -> None:
    service.store.deployments.deploy(MTOD, "es", "base-en", reason="rolled back")

    (task, _) = service.http.get("/languages").json()["tasks"]

    assert task["languages"][0]["adapted"] is False


def test_list_has_the_other_languages_when_a_checkpoint_is_lost(service: Service) -> None:
    service.adapt_to("es", "es-1")
    service.store.deployments.deploy(MTOD, "th", "gone", reason="a test")

    (task, _) = service.http.get("/languages").json()["tasks"]

    lost = next(entry for entry in task["languages"] if entry["language"] == "th")
    assert lost["checkpoint_id"] == "gone"
    assert lost["adapted"] is False
    assert lost["scores"] is None


def test_list_separates_the_tasks(service: Service) -> None:
    service.make_qa_base()
    service.adapt_to("sw", "qa-sw", QA)

    mtod, qa = service.http.get("/languages").json()["tasks"]

    assert mtod["languages"] == []
    assert qa["base"]["checkpoint_id"] == "qa-base-en"
    assert [entry["language"] for entry in qa["languages"]] == ["sw"]
    assert qa["languages"][0]["scores"] == {"f1": 0.6, "exact_match": 0.5, "examples": 10}


class TestOne:
    def test_view_has_the_live_deployment_and_the_history(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")

        response = service.http.get("/languages/mtod/ES")

        assert response.headers["etag"] == '"2"'
        body = response.json()
        assert (body["task"], body["language"], body["adapted"]) == ("mtod", "es", True)
        assert body["live"]["checkpoint_id"] == "es-2"
        assert body["scores"] == SCORES
        assert [
            (deployment["number"], deployment["checkpoint_id"], deployment["available"])
            for deployment in body["history"]
        ] == [
            (2, "es-2", True),
            (1, "es-1", True),
        ]

    def test_view_marks_deleted_checkpoints_as_unavailable(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")
        service.http.delete("/checkpoints/es-1")

        history = service.http.get("/languages/mtod/es").json()["history"]

        assert [deployment["available"] for deployment in history] == [True, False]

    def test_view_of_the_base_has_a_history(self, service: Service) -> None:
        response = service.http.get("/languages/mtod/base").json()

        assert (response["language"], response["adapted"]) == ("base", False)
        assert response["live"]["checkpoint_id"] == "base-en"

    def test_view_of_a_language_without_deployment_is_not_found(self, service: Service) -> None:
        refusal = problem(service.http.get("/languages/mtod/es"), 404)

        assert refusal["detail"] == "nothing was ever deployed for es of mtod"

    def test_view_reports_every_invalid_part_of_the_path(self, service: Service) -> None:
        refusal = problem(service.http.get("/languages/speech/x1"), 422)

        assert faults(refusal).keys() == {"path/task", "path/language"}
