"""Who changes what serves a language says what it saw; of two who saw the same, one succeeds."""

import pytest

from core.contracts.values import TaskName
from core.store.local import LocalBackend
from tests.app.archives import publish_addition
from tests.app.service import Service, faults, problem


def etag(service: Service, path: str) -> str:
    return str(service.http.get(path).headers["etag"])


class TestDeploy:
    def test_a_checkpoint_serves_from_now_on(self, service: Service) -> None:
        service.adapt_to("pt-BR", "pt-1")
        service.make_checkpoint("pt-2", languages=("en", "pt-BR"))

        response = service.http.put(
            "/languages/mtod/pt_br", json={"checkpoint_id": "pt-2", "reason": "better on our own test set"}
        )

        assert response.status_code == 200
        assert response.headers["etag"] == '"2"'
        assert response.json() == service.http.get("/languages/mtod/pt-BR").json()
        live = service.store.deployments.live(TaskName.MTOD, "pt-BR")
        assert live is not None
        assert (live.checkpoint_id, live.reason, live.job_id) == ("pt-2", "better on our own test set", None)

    def test_the_first_of_a_language_is_created(self, service: Service) -> None:
        response = service.http.put("/languages/mtod/es", json={"checkpoint_id": "base-en"})

        assert response.status_code == 201
        assert response.json()["live"]["reason"] == "deployed by hand"
        assert response.json()["adapted"] is False

    def test_of_two_who_saw_the_same_only_the_first_deploys(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        seen = etag(service, "/languages/mtod/es")

        first, second = (
            service.http.put(
                "/languages/mtod/es", json={"checkpoint_id": "base-en"}, headers={"if-match": seen}
            )
            for _ in range(2)
        )

        assert first.status_code == 200
        told = problem(second, 412)

        assert told["type"] == "urn:xmetra:problem:precondition-failed"
        assert etag(service, "/languages/mtod/es") == '"2"'

    def test_a_rival_after_the_look_is_noticed(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.adapt_to("es", "es-1")
        create = LocalBackend.create

        def create_after_the_rival(backend: LocalBackend, key: str, data: bytes) -> bool:
            monkeypatch.undo()
            service.store.deployments.deploy(TaskName.MTOD, "es", "es-1", reason="the rival")
            return create(backend, key, data)

        monkeypatch.setattr(LocalBackend, "create", create_after_the_rival)
        response = service.http.put(
            "/languages/mtod/es", json={"checkpoint_id": "base-en"}, headers={"if-match": '"1"'}
        )

        problem(response, 412)
        assert service.http.get("/languages/mtod/es").json()["live"]["reason"] == "the rival"

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"if-match": '"1"'}, 200),
            ({"if-match": '"7" , "1"'}, 200),
            ({"if-match": "*"}, 200),
            ({"if-match": 'W/"1"'}, 412),
            ({"if-match": '"01"'}, 412),
            ({"if-match": "1"}, 422),
            ({"if-none-match": "*"}, 412),
            ({"if-none-match": '"1"'}, 422),
        ],
    )
    def test_what_a_client_believes_is_held_against_what_serves(
        self, service: Service, headers: dict[str, str], status: int
    ) -> None:
        service.adapt_to("es", "es-1")

        response = service.http.put("/languages/mtod/es", json={"checkpoint_id": "base-en"}, headers=headers)

        assert response.status_code == status, response.text
        assert etag(service, "/languages/mtod/es") == ('"2"' if status == 200 else '"1"')

    @pytest.mark.parametrize(
        ("headers", "status"),
        [({"if-none-match": "*"}, 201), ({"if-match": "*"}, 412), ({"if-match": '"0"'}, 412)],
    )
    def test_nothing_serves_yet(self, service: Service, headers: dict[str, str], status: int) -> None:
        response = service.http.put("/languages/mtod/es", json={"checkpoint_id": "base-en"}, headers=headers)

        assert response.status_code == status

    def test_a_checkpoint_that_is_not_there_or_of_another_task_is_refused(self, service: Service) -> None:
        service.make_qa_base()

        problem(service.http.put("/languages/mtod/es", json={"checkpoint_id": "nobody"}), 404)
        told = problem(service.http.put("/languages/mtod/es", json={"checkpoint_id": "qa-base-en"}), 409)

        assert told["detail"] == "checkpoint qa-base-en is of qa, not of mtod"
        problem(service.http.get("/languages/mtod/es"), 404)

    def test_an_addition_serves_a_language_while_its_base_is_there_and_is_never_the_base(
        self, service: Service
    ) -> None:
        for name, base_id in (("es-1", "base-en"), ("es-2", "gone")):
            publish_addition(service, name, base_id)

        assert service.http.put("/languages/mtod/es", json={"checkpoint_id": "es-1"}).status_code == 201
        for path, name in (("es", "es-2"), ("base", "es-1")):
            problem(service.http.put(f"/languages/mtod/{path}", json={"checkpoint_id": name}), 409)

    def test_a_whole_checkpoint_may_become_the_base(self, service: Service) -> None:
        service.make_checkpoint("base-2", languages=("en",))

        response = service.http.put("/languages/mtod/base", json={"checkpoint_id": "base-2"})

        assert response.status_code == 200
        assert service.http.get("/languages").json()["tasks"][0]["base"]["checkpoint_id"] == "base-2"

    def test_every_fault_of_the_body_is_told(self, service: Service) -> None:
        body = {"checkpoint_id": "a/b", "reason": "", "colour": "blue"}

        told = problem(service.http.put("/languages/mtod/es", json=body), 422)

        assert faults(told).keys() == {"/checkpoint_id", "/reason", "/colour"}

    def test_a_record_that_cannot_be_read_is_mended(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        (service.folder / "deployments" / "mtod" / "es" / "000001.json").write_text("{")
        problem(service.http.get("/languages/mtod/es"), 500)

        response = service.http.put("/languages/mtod/es", json={"checkpoint_id": "es-1"})

        assert response.status_code == 200
        assert [one["number"] for one in response.json()["history"]] == [2]

    def test_a_checkpoint_deleted_in_the_same_moment_does_not_stay_in_service(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.adapt_to("es", "es-1")
        service.make_checkpoint("es-2", languages=("en", "es"))
        create = LocalBackend.create

        def create_while_it_goes(backend: LocalBackend, key: str, data: bytes) -> bool:
            monkeypatch.undo()
            service.store.checkpoints.delete(TaskName.MTOD, "es-2", guard=lambda: None)
            return create(backend, key, data)

        monkeypatch.setattr(LocalBackend, "create", create_while_it_goes)
        problem(service.http.put("/languages/mtod/es", json={"checkpoint_id": "es-2"}), 409)

        assert service.http.get("/languages/mtod/es").json()["live"]["checkpoint_id"] == "es-1"


class TestRollback:
    def test_what_served_before_serves_again(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")
        service.store.deployments.deploy(TaskName.MTOD, "es", "es-2", reason="the same again")

        response = service.http.post("/languages/mtod/es/rollback")

        assert response.status_code == 200
        assert response.headers["etag"] == '"4"'
        live = response.json()["live"]
        assert live["checkpoint_id"] == "es-1"
        assert live["reason"] == "rolled back from deployment 3 to 1"

    def test_a_second_rollback_takes_back_the_first(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")

        served = [
            service.http.post("/languages/mtod/es/rollback").json()["live"]["checkpoint_id"] for _ in range(3)
        ]

        assert served == ["es-1", "es-2", "es-1"]

    def test_a_checkpoint_that_was_deleted_is_passed_over(self, service: Service) -> None:
        for name in ("es-1", "es-2", "es-3"):
            service.adapt_to("es", name)
        service.http.delete("/checkpoints/es-2")

        response = service.http.post("/languages/mtod/es/rollback")

        assert response.json()["live"]["checkpoint_id"] == "es-1"

    def test_without_anything_earlier_nothing_changes(self, service: Service) -> None:
        problem(service.http.post("/languages/mtod/es/rollback"), 404)
        service.adapt_to("es", "es-1")

        problem(service.http.post("/languages/mtod/es/rollback"), 409)

        assert etag(service, "/languages/mtod/es") == '"1"'

    def test_it_heeds_what_the_client_saw(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")
        path = "/languages/mtod/es/rollback"

        problem(service.http.post(path, headers={"if-match": '"1"'}), 412)
        assert service.http.post(path, headers={"if-match": '"2"'}).status_code == 200

    def test_a_rival_in_the_same_moment_is_told(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")
        create = LocalBackend.create

        def create_after_the_rival(backend: LocalBackend, key: str, data: bytes) -> bool:
            monkeypatch.undo()
            service.store.deployments.deploy(TaskName.MTOD, "es", "base-en", reason="the rival")
            return create(backend, key, data)

        monkeypatch.setattr(LocalBackend, "create", create_after_the_rival)

        problem(service.http.post("/languages/mtod/es/rollback"), 409)

        assert service.http.get("/languages/mtod/es").json()["live"]["checkpoint_id"] == "base-en"

    def test_a_live_record_that_cannot_be_read_is_rolled_back_too(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")
        (service.folder / "deployments" / "mtod" / "es" / "000002.json").write_text("{")

        response = service.http.post("/languages/mtod/es/rollback")

        assert response.json()["live"]["checkpoint_id"] == "es-1"
