"""List, view and deletion of checkpoints."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.contracts.jobs import JobStatus
from core.contracts.values import MTOD, QA
from tests.app.archives import publish_addition
from tests.app.service import Service, faults, problem


def pages(service: Service, **query: str | int) -> Iterator[list[str]]:
    """Yield the ids on each page of the list."""
    cursor = None
    while True:
        params = {**query, **({"cursor": cursor} if cursor else {})}
        response = service.http.get("/checkpoints", params=params).json()
        yield [checkpoint["checkpoint_id"] for checkpoint in response["checkpoints"]]
        cursor = response["next_cursor"]
        if cursor is None:
            return


class TestList:
    def test_list_is_empty_before_the_first_model(self, fresh: Service) -> None:
        assert fresh.http.get("/checkpoints").json() == {"checkpoints": [], "next_cursor": None}

    def test_list_has_the_newest_first_with_what_they_serve(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.make_qa_base()
        service.store.deployments.deploy(MTOD, "th", "base-en", reason="a test")

        response = service.http.get("/checkpoints").json()["checkpoints"]

        assert [(item["checkpoint_id"], item["task"], item["serves"]) for item in response] == [
            ("qa-base-en", "qa", ["base"]),
            ("es-1", "mtod", ["es"]),
            ("base-en", "mtod", ["base", "th"]),
        ]
        assert response[1]["scores"]["intent_accuracy"] == 0.9
        assert response[1]["languages"] == ["en", "es"]

    def test_list_filters_by_task_and_language(self, service: Service) -> None:
        service.adapt_to("pt-BR", "pt-1")
        service.make_qa_base()

        assert list(pages(service, task="qa")) == [["qa-base-en"]]
        assert list(pages(service, language="pt_br")) == [["pt-1"]]
        assert list(pages(service, language="en")) == [["qa-base-en", "base-en"]]

    def test_list_pages_are_contiguous(self, service: Service) -> None:
        names = [f"es-{number}" for number in range(5)]
        for name in names:
            service.make_checkpoint(name, languages=("en", "es"))

        assert list(pages(service, limit=2)) == [["es-4", "es-3"], ["es-2", "es-1"], ["es-0", "base-en"]]

    def test_list_continues_after_a_deleted_checkpoint(self, service: Service) -> None:
        for number in range(4):
            service.make_checkpoint(f"es-{number}", languages=("en", "es"))
        first = service.http.get("/checkpoints", params={"limit": 2}).json()
        service.http.delete("/checkpoints/es-2")

        second = service.http.get("/checkpoints", params={"limit": 2, "cursor": first["next_cursor"]}).json()

        assert [checkpoint["checkpoint_id"] for checkpoint in second["checkpoints"]] == ["es-1", "es-0"]

    def test_list_has_no_next_page_when_the_last_is_exactly_full(self, service: Service) -> None:
        service.make_checkpoint("es-1", languages=("en", "es"))

        assert list(pages(service, limit=2)) == [["es-1", "base-en"]]

    def test_list_reports_every_invalid_filter(self, service: Service) -> None:
        refusal = problem(
            service.http.get(
                "/checkpoints", params={"task": "x", "language": "x1", "limit": 0, "cursor": "es-1"}
            ),
            422,
        )

        assert faults(refusal).keys() == {"query/task", "query/language", "query/limit", "query/cursor"}


class TestOne:
    def test_view_has_the_manifest_and_what_it_serves(self, service: Service) -> None:
        service.adapt_to("es", "es-1")

        response = service.http.get("/checkpoints/es-1").json()

        assert response["serves"] == ["es"]
        assert response["intents"] == ["alarm/set_alarm", "reminder/set_reminder", "weather/find"]
        assert response["evaluation"]["slot_f1"] == 0.8

    def test_view_searches_all_tasks(self, service: Service) -> None:
        service.make_qa_base()

        assert service.http.get("/checkpoints/qa-base-en").json()["task"] == "qa"
        problem(service.http.get("/checkpoints/qa-base-en?task=mtod"), 404)

    def test_view_needs_the_task_when_two_tasks_have_the_id(self, service: Service) -> None:
        service.make_checkpoint("base-en", languages=("en",), task=QA)

        refusal = problem(service.http.get("/checkpoints/base-en"), 409)

        assert "?task=" in refusal["detail"]
        assert service.http.get("/checkpoints/base-en?task=qa").json()["task"] == "qa"

    def test_view_of_an_unknown_checkpoint_is_not_found(self, service: Service) -> None:
        for path in ("/checkpoints/nobody", "/checkpoints/nobody/archive"):
            problem(service.http.get(path), 404)
        problem(service.http.delete("/checkpoints/nobody"), 404)

    def test_view_of_a_damaged_checkpoint_is_a_server_error(self, service: Service) -> None:
        (service.folder / "checkpoints" / "mtod" / "base-en" / "manifest.json").write_text("{")

        problem(service.http.get("/checkpoints/base-en"), 500)


class TestDelete:
    def test_delete_removes_a_checkpoint_that_serves_nothing(self, service: Service) -> None:
        service.make_checkpoint("es-1", languages=("en", "es"))

        response = service.http.delete("/checkpoints/es-1")

        assert (response.status_code, response.content) == (204, b"")
        problem(service.http.get("/checkpoints/es-1"), 404)
        assert list(pages(service)) == [["base-en"]]

    def test_delete_removes_the_loaded_model(self, service: Service) -> None:
        service.make_checkpoint("es-1", languages=("en", "es"))
        prediction = {"utterances": ["hola"], "language": "es", "checkpoint": "es-1"}
        assert service.http.post("/predict/mtod", json=prediction).status_code == 200

        service.http.delete("/checkpoints/es-1")

        assert "es-1" in problem(service.http.post("/predict/mtod", json=prediction), 404)["detail"]
        assert service.services.models.loaded(MTOD, "es-1") is None

    def test_delete_refuses_a_deployed_checkpoint(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.store.deployments.deploy(MTOD, "es-MX", "es-1", reason="a test")

        refusal = problem(service.http.delete("/checkpoints/es-1"), 409)

        assert refusal["detail"] == "checkpoint es-1 cannot be deleted: it serves es, es-MX"
        assert service.http.get("/checkpoints/es-1").status_code == 200

    def test_delete_accepts_a_formerly_deployed_checkpoint(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")

        assert service.http.delete("/checkpoints/es-1").status_code == 204

    def test_delete_refuses_the_base_of_additions(self, service: Service) -> None:
        service.make_checkpoint("old-base", languages=("en",))
        publish_addition(service, "es-1", "old-base")

        refusal = problem(service.http.delete("/checkpoints/old-base"), 409)

        assert "only what was added to it is kept of es-1" in refusal["detail"]
        for name in ("es-1", "old-base"):
            assert service.http.delete(f"/checkpoints/{name}").status_code == 204

    def test_delete_accepts_the_base_of_a_complete_checkpoint(self, service: Service) -> None:
        service.make_checkpoint("old-base", languages=("en",))
        manifest = service.make_checkpoint("es-0", languages=("en", "es"))
        whole = manifest.model_copy(update={"checkpoint_id": "es-1", "base_id": "old-base"})
        service.store.checkpoints.publish(service.folder.parent / "empty", manifest=whole)

        assert service.http.delete("/checkpoints/old-base").status_code == 204

    def test_delete_refuses_the_base_of_an_open_job(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]
        service.make_checkpoint("base-2", languages=("en",))
        service.store.deployments.deploy(MTOD, "base", "base-2", reason="a test")

        refusal = problem(service.http.delete("/checkpoints/base-en"), 409)

        assert job_id in refusal["detail"]
        service.http.post(f"/jobs/{job_id}/cancel")
        assert service.store.jobs.load(job_id).status is JobStatus.CANCELLED
        assert service.http.delete("/checkpoints/base-en").status_code == 204

    def test_delete_reports_every_reason(self, service: Service) -> None:
        publish_addition(service, "es-1", "base-en")
        job_id = service.adapt()["job_id"]

        refusal = problem(service.http.delete("/checkpoints/base-en"), 409)

        for reason in ("it serves base", "added to it is kept of es-1", job_id):
            assert reason in refusal["detail"]

    def test_delete_is_refused_when_it_is_deployed_meanwhile(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.make_checkpoint("es-1", languages=("en", "es"))
        from core.store.local import LocalBackend

        remove = LocalBackend.remove

        def remove_while_another_deploys(backend: LocalBackend, key: str) -> None:
            service.store.deployments.deploy(MTOD, "es", "es-1", reason="meanwhile")
            remove(backend, key)

        monkeypatch.setattr(LocalBackend, "remove", remove_while_another_deploys)
        problem(service.http.delete("/checkpoints/es-1"), 409)

        assert service.http.get("/checkpoints/es-1").json()["serves"] == ["es"]

    def test_delete_is_refused_when_a_deployment_record_is_damaged(self, service: Service) -> None:
        service.make_checkpoint("es-1", languages=("en", "es"))
        folder = service.folder / "deployments" / "mtod" / "es"
        folder.mkdir(parents=True)
        (folder / "000001.json").write_text("{")

        problem(service.http.delete("/checkpoints/es-1"), 500)

        assert Path(service.folder / "checkpoints" / "mtod" / "es-1" / "manifest.json").is_file()
