"""What was made can be listed, looked at and deleted, unless something needs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.contracts.jobs import JobStatus
from core.contracts.values import TaskName
from tests.app.archives import publish_addition
from tests.app.service import Service, faults, problem


def pages(service: Service, **query: str | int) -> Iterator[list[str]]:
    """Yield the names on each page of a list."""
    cursor = None
    while True:
        asked = {**query, **({"cursor": cursor} if cursor else {})}
        told = service.http.get("/checkpoints", params=asked).json()
        yield [one["checkpoint_id"] for one in told["checkpoints"]]
        cursor = told["next_cursor"]
        if cursor is None:
            return


class TestList:
    def test_before_the_first_model_the_list_is_empty(self, fresh: Service) -> None:
        assert fresh.http.get("/checkpoints").json() == {"checkpoints": [], "next_cursor": None}

    def test_the_newest_come_first_of_all_tasks_with_what_they_serve(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.make_qa_base()
        service.store.deployments.deploy(TaskName.MTOD, "th", "base-en", reason="a test")

        told = service.http.get("/checkpoints").json()["checkpoints"]

        assert [(one["checkpoint_id"], one["task"], one["serves"]) for one in told] == [
            ("qa-base-en", "qa", ["base"]),
            ("es-1", "mtod", ["es"]),
            ("base-en", "mtod", ["base", "th"]),
        ]
        assert told[1]["scores"]["intent_accuracy"] == 0.9
        assert told[1]["languages"] == ["en", "es"]

    def test_a_task_or_a_language_may_be_chosen(self, service: Service) -> None:
        service.adapt_to("pt-BR", "pt-1")
        service.make_qa_base()

        assert list(pages(service, task="qa")) == [["qa-base-en"]]
        assert list(pages(service, language="pt_br")) == [["pt-1"]]
        assert list(pages(service, language="en")) == [["qa-base-en", "base-en"]]

    def test_pages_join_without_a_gap(self, service: Service) -> None:
        names = [f"es-{number}" for number in range(5)]
        for name in names:
            service.make_checkpoint(name, languages=("en", "es"))

        assert list(pages(service, limit=2)) == [["es-4", "es-3"], ["es-2", "es-1"], ["es-0", "base-en"]]

    def test_a_page_goes_on_behind_a_checkpoint_that_was_deleted(self, service: Service) -> None:
        for number in range(4):
            service.make_checkpoint(f"es-{number}", languages=("en", "es"))
        first = service.http.get("/checkpoints", params={"limit": 2}).json()
        service.http.delete("/checkpoints/es-2")

        second = service.http.get("/checkpoints", params={"limit": 2, "cursor": first["next_cursor"]}).json()

        assert [one["checkpoint_id"] for one in second["checkpoints"]] == ["es-1", "es-0"]

    def test_a_page_that_is_exactly_full_is_the_last(self, service: Service) -> None:
        service.make_checkpoint("es-1", languages=("en", "es"))

        assert list(pages(service, limit=2)) == [["es-1", "base-en"]]

    def test_every_wrong_filter_is_told(self, service: Service) -> None:
        told = problem(
            service.http.get(
                "/checkpoints", params={"task": "x", "language": "x1", "limit": 0, "cursor": "es-1"}
            ),
            422,
        )

        assert faults(told).keys() == {"query/task", "query/language", "query/limit", "query/cursor"}


class TestOne:
    def test_it_tells_its_manifest_and_what_it_serves(self, service: Service) -> None:
        service.adapt_to("es", "es-1")

        told = service.http.get("/checkpoints/es-1").json()

        assert told["serves"] == ["es"]
        assert told["intents"] == ["alarm/set_alarm", "reminder/set_reminder", "weather/find"]
        assert told["evaluation"]["slot_f1"] == 0.8

    def test_it_is_found_whatever_its_task(self, service: Service) -> None:
        service.make_qa_base()

        assert service.http.get("/checkpoints/qa-base-en").json()["task"] == "qa"
        problem(service.http.get("/checkpoints/qa-base-en?task=mtod"), 404)

    def test_of_two_of_one_name_the_task_must_be_said(self, service: Service) -> None:
        service.make_checkpoint("base-en", languages=("en",), task=TaskName.QA)

        told = problem(service.http.get("/checkpoints/base-en"), 409)

        assert "?task=" in told["detail"]
        assert service.http.get("/checkpoints/base-en?task=qa").json()["task"] == "qa"

    def test_an_unknown_one_is_not_found(self, service: Service) -> None:
        for path in ("/checkpoints/nobody", "/checkpoints/nobody/archive"):
            problem(service.http.get(path), 404)
        problem(service.http.delete("/checkpoints/nobody"), 404)

    def test_a_damaged_one_is_told_as_our_fault(self, service: Service) -> None:
        (service.folder / "checkpoints" / "mtod" / "base-en" / "manifest.json").write_text("{")

        problem(service.http.get("/checkpoints/base-en"), 500)


class TestDelete:
    def test_a_checkpoint_that_serves_nothing_is_gone(self, service: Service) -> None:
        service.make_checkpoint("es-1", languages=("en", "es"))

        response = service.http.delete("/checkpoints/es-1")

        assert (response.status_code, response.content) == (204, b"")
        problem(service.http.get("/checkpoints/es-1"), 404)
        assert list(pages(service)) == [["base-en"]]

    def test_what_was_deleted_answers_no_longer_from_memory(self, service: Service) -> None:
        service.make_checkpoint("es-1", languages=("en", "es"))
        asked = {"utterances": ["hola"], "language": "es", "checkpoint": "es-1"}
        assert service.http.post("/predict/mtod", json=asked).status_code == 200

        service.http.delete("/checkpoints/es-1")

        assert "es-1" in problem(service.http.post("/predict/mtod", json=asked), 404)["detail"]
        assert service.services.models.loaded(TaskName.MTOD, "es-1") is None

    def test_a_deployed_checkpoint_cannot_be_deleted(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.store.deployments.deploy(TaskName.MTOD, "es-MX", "es-1", reason="a test")

        told = problem(service.http.delete("/checkpoints/es-1"), 409)

        assert told["detail"] == "checkpoint es-1 cannot be deleted: it serves es, es-MX"
        assert service.http.get("/checkpoints/es-1").status_code == 200

    def test_one_that_served_once_can(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")

        assert service.http.delete("/checkpoints/es-1").status_code == 204

    def test_what_others_were_added_to_cannot_be_deleted_before_them(self, service: Service) -> None:
        service.make_checkpoint("old-base", languages=("en",))
        publish_addition(service, "es-1", "old-base")

        told = problem(service.http.delete("/checkpoints/old-base"), 409)

        assert "only what was added to it is kept of es-1" in told["detail"]
        for name in ("es-1", "old-base"):
            assert service.http.delete(f"/checkpoints/{name}").status_code == 204

    def test_a_whole_checkpoint_does_not_hold_its_base(self, service: Service) -> None:
        service.make_checkpoint("old-base", languages=("en",))
        made = service.make_checkpoint("es-0", languages=("en", "es"))
        whole = made.model_copy(update={"checkpoint_id": "es-1", "base_id": "old-base"})
        service.store.checkpoints.publish(service.folder.parent / "empty", manifest=whole)

        assert service.http.delete("/checkpoints/old-base").status_code == 204

    def test_where_a_job_starts_from_stays_until_the_job_has_ended(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]
        service.make_checkpoint("base-2", languages=("en",))
        service.store.deployments.deploy(TaskName.MTOD, "base", "base-2", reason="a test")

        told = problem(service.http.delete("/checkpoints/base-en"), 409)

        assert job_id in told["detail"]
        service.http.post(f"/jobs/{job_id}/cancel")
        assert service.store.jobs.load(job_id).status is JobStatus.CANCELLED
        assert service.http.delete("/checkpoints/base-en").status_code == 204

    def test_every_reason_is_told_at_once(self, service: Service) -> None:
        publish_addition(service, "es-1", "base-en")
        job_id = service.adapt()["job_id"]

        told = problem(service.http.delete("/checkpoints/base-en"), 409)

        for reason in ("it serves base", "added to it is kept of es-1", job_id):
            assert reason in told["detail"]

    def test_a_deployment_in_the_same_moment_keeps_it(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.make_checkpoint("es-1", languages=("en", "es"))
        from core.store.local import LocalBackend

        remove = LocalBackend.remove

        def remove_while_another_deploys(backend: LocalBackend, key: str) -> None:
            service.store.deployments.deploy(TaskName.MTOD, "es", "es-1", reason="meanwhile")
            remove(backend, key)

        monkeypatch.setattr(LocalBackend, "remove", remove_while_another_deploys)
        problem(service.http.delete("/checkpoints/es-1"), 409)

        assert service.http.get("/checkpoints/es-1").json()["serves"] == ["es"]

    def test_while_it_cannot_be_known_what_serves_nothing_is_deleted(self, service: Service) -> None:
        service.make_checkpoint("es-1", languages=("en", "es"))
        folder = service.folder / "deployments" / "mtod" / "es"
        folder.mkdir(parents=True)
        (folder / "000001.json").write_text("{")

        problem(service.http.delete("/checkpoints/es-1"), 500)

        assert Path(service.folder / "checkpoints" / "mtod" / "es-1" / "manifest.json").is_file()
