from core.contracts.values import TaskName
from tests.app.service import Service, faults, problem

SCORES = {"intent_accuracy": 0.9, "slot_f1": 0.8, "exact_match": 0.7, "examples": 10}


def test_before_the_first_base_nothing_is_served(fresh: Service) -> None:
    assert fresh.http.get("/languages").json() == {
        "tasks": [
            {"task": "mtod", "base": None, "languages": []},
            {"task": "qa", "base": None, "languages": []},
        ]
    }


def test_the_base_tells_its_language_so_that_all_others_are_known_to_be_zero_shot(service: Service) -> None:
    (task, _) = service.http.get("/languages").json()["tasks"]

    assert task["languages"] == []
    assert task["base"]["checkpoint_id"] == "base-en"
    assert task["base"]["source_language"] == "en"
    assert task["base"]["scores"] == SCORES
    assert task["base"]["since"].endswith("Z")


def test_every_adapted_language_tells_what_serves_it(service: Service) -> None:
    service.adapt_to("es", "es-1")
    service.adapt_to("th", "th-1")
    service.adapt_to("es", "es-2")

    (task, _) = service.http.get("/languages").json()["tasks"]

    served = {
        one["language"]: (one["checkpoint_id"], one["adapted"], one["number"]) for one in task["languages"]
    }
    assert served == {"es": ("es-2", True, 2), "th": ("th-1", True, 1)}
    assert task["languages"][0]["scores"] == SCORES


def test_a_language_rolled_back_to_the_base_is_not_adapted(service: Service) -> None:
    service.store.deployments.deploy(TaskName.MTOD, "es", "base-en", reason="rolled back")

    (task, _) = service.http.get("/languages").json()["tasks"]

    assert task["languages"][0]["adapted"] is False


def test_a_checkpoint_that_is_lost_hides_no_other_language(service: Service) -> None:
    service.adapt_to("es", "es-1")
    service.store.deployments.deploy(TaskName.MTOD, "th", "gone", reason="a test")

    (task, _) = service.http.get("/languages").json()["tasks"]

    lost = next(one for one in task["languages"] if one["language"] == "th")
    assert lost["checkpoint_id"] == "gone"
    assert lost["adapted"] is False
    assert lost["scores"] is None


def test_questions_are_served_apart_with_scores_of_their_own(service: Service) -> None:
    service.make_qa_base()
    service.adapt_to("sw", "qa-sw", TaskName.QA)

    mtod, qa = service.http.get("/languages").json()["tasks"]

    assert mtod["languages"] == []
    assert qa["base"]["checkpoint_id"] == "qa-base-en"
    assert [one["language"] for one in qa["languages"]] == ["sw"]
    assert qa["languages"][0]["scores"] == {"f1": 0.6, "exact_match": 0.5, "examples": 10}


class TestOne:
    def test_it_tells_what_serves_and_what_served_before(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")

        response = service.http.get("/languages/mtod/ES")

        assert response.headers["etag"] == '"2"'
        told = response.json()
        assert (told["task"], told["language"], told["adapted"]) == ("mtod", "es", True)
        assert told["live"]["checkpoint_id"] == "es-2"
        assert told["scores"] == SCORES
        assert [(one["number"], one["checkpoint_id"], one["available"]) for one in told["history"]] == [
            (2, "es-2", True),
            (1, "es-1", True),
        ]

    def test_a_checkpoint_that_was_deleted_is_not_available_any_more(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")
        service.http.delete("/checkpoints/es-1")

        history = service.http.get("/languages/mtod/es").json()["history"]

        assert [one["available"] for one in history] == [True, False]

    def test_the_base_has_a_history_too(self, service: Service) -> None:
        told = service.http.get("/languages/mtod/base").json()

        assert (told["language"], told["adapted"]) == ("base", False)
        assert told["live"]["checkpoint_id"] == "base-en"

    def test_a_language_nobody_deployed_to_is_not_found(self, service: Service) -> None:
        told = problem(service.http.get("/languages/mtod/es"), 404)

        assert told["detail"] == "nothing was ever deployed for es of mtod"

    def test_every_wrong_part_of_the_path_is_told(self, service: Service) -> None:
        told = problem(service.http.get("/languages/speech/x1"), 422)

        assert faults(told).keys() == {"path/task", "path/language"}
