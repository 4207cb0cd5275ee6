"""Deployment and rollback of checkpoints, with preconditions."""

import pytest

from core.contracts.values import MTOD
from core.store.local import LocalBackend
from tests.app.archives import publish_addition
from tests.app.service import Service, faults, problem


def etag(service: Service, path: str) -> str:
    return str(service.http.get(path).headers["etag"])


class TestDeploy:
    def test_deploy_makes_the_checkpoint_serve(self, service: Service) -> None:
        service.adapt_to("pt-BR", "pt-1")
        service.make_checkpoint("pt-2", languages=("en", "pt-BR"))

        response = service.http.put(
            "/languages/mtod/pt_br", json={"checkpoint_id": "pt-2", "reason": "better on our own test set"}
        )

        assert response.status_code == 200
        assert response.headers["etag"] == '"2"'
        assert response.json() == service.http.get("/languages/mtod/pt-BR").json()
        live = service.store.deployments.live(MTOD, "pt-BR")
        assert live is not None
        assert (live.checkpoint_id, live.reason, live.job_id) == ("pt-2", "better on our own test set", None)

    def test_deploy_returns_created_for_the_first_deployment(self, service: Service) -> None:
        response = service.http.put("/languages/mtod/es", json={"checkpoint_id": "base-en"})

        assert response.status_code == 201
        assert response.json()["live"]["reason"] == "deployed by hand"
        assert response.json()["adapted"] is False

    def test_deploy_accepts_one_of_two_requests_with_the_same_etag(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        first_etag = etag(service, "/languages/mtod/es")

        first, second = (
            service.http.put(
                "/languages/mtod/es", json={"checkpoint_id": "base-en"}, headers={"if-match": first_etag}
            )
            for _ in range(2)
        )

        assert first.status_code == 200
        refusal = problem(second, 412)

        assert refusal["type"] == "urn:xmetra:problem:precondition-failed"
        assert etag(service, "/languages/mtod/es") == '"2"'

    def test_deploy_detects_a_concurrent_deployment(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.adapt_to("es", "es-1")
        create = LocalBackend.create

        def create_after_the_rival(backend: LocalBackend, key: str, data: bytes) -> bool:
            monkeypatch.undo()
            service.store.deployments.deploy(MTOD, "es", "es-1", reason="the rival")
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
    def test_deploy_checks_the_precondition(
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
    def test_view_of_a_language_without_deployment_is_not_found(
        self, service: Service, headers: dict[str, str], status: int
    ) -> None:
        response = service.http.put("/languages/mtod/es", json={"checkpoint_id": "base-en"}, headers=headers)

        assert response.status_code == status

    def test_deploy_refuses_unknown_checkpoints_and_other_tasks(self, service: Service) -> None:
        service.make_qa_base()

        problem(service.http.put("/languages/mtod/es", json={"checkpoint_id": "nobody"}), 404)
        refusal = problem(service.http.put("/languages/mtod/es", json={"checkpoint_id": "qa-base-en"}), 409)

        assert refusal["detail"] == "checkpoint qa-base-en is of qa, not of mtod"
        problem(service.http.get("/languages/mtod/es"), 404)

    def test_deploy_accepts_an_addition_for_a_language_but_not_as_base(self, service: Service) -> None:
        for name, base_id in (("es-1", "base-en"), ("es-2", "gone")):
            publish_addition(service, name, base_id)

        assert service.http.put("/languages/mtod/es", json={"checkpoint_id": "es-1"}).status_code == 201
        for path, name in (("es", "es-2"), ("base", "es-1")):
            problem(service.http.put(f"/languages/mtod/{path}", json={"checkpoint_id": name}), 409)

    def test_deploy_accepts_a_complete_checkpoint_as_base(self, service: Service) -> None:
        service.make_checkpoint("base-2", languages=("en",))

        response = service.http.put("/languages/mtod/base", json={"checkpoint_id": "base-2"})

        assert response.status_code == 200
        assert service.http.get("/languages").json()["tasks"][0]["base"]["checkpoint_id"] == "base-2"

    def test_deploy_reports_every_fault_of_the_body(self, service: Service) -> None:
        body = {"checkpoint_id": "a/b", "reason": "", "colour": "blue"}

        refusal = problem(service.http.put("/languages/mtod/es", json=body), 422)

        assert faults(refusal).keys() == {"/checkpoint_id", "/reason", "/colour"}

    def test_deploy_replaces_a_damaged_record(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        (service.folder / "deployments" / "mtod" / "es" / "000001.json").write_text("{")
        problem(service.http.get("/languages/mtod/es"), 500)

        response = service.http.put("/languages/mtod/es", json={"checkpoint_id": "es-1"})

        assert response.status_code == 200
        assert [deployment["number"] for deployment in response.json()["history"]] == [2]

    def test_deploy_is_reverted_when_the_checkpoint_is_deleted_meanwhile(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.adapt_to("es", "es-1")
        service.make_checkpoint("es-2", languages=("en", "es"))
        create = LocalBackend.create

        def create_while_it_goes(backend: LocalBackend, key: str, data: bytes) -> bool:
            monkeypatch.undo()
            service.store.checkpoints.delete(MTOD, "es-2", guard=lambda: None)
            return create(backend, key, data)

        monkeypatch.setattr(LocalBackend, "create", create_while_it_goes)
        problem(service.http.put("/languages/mtod/es", json={"checkpoint_id": "es-2"}), 409)

        assert service.http.get("/languages/mtod/es").json()["live"]["checkpoint_id"] == "es-1"


class TestRollback:
    def test_rollback_deploys_the_previous_checkpoint(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")
        service.store.deployments.deploy(MTOD, "es", "es-2", reason="the same again")

        response = service.http.post("/languages/mtod/es/rollback")

        assert response.status_code == 200
        assert response.headers["etag"] == '"4"'
        live = response.json()["live"]
        assert live["checkpoint_id"] == "es-1"
        assert live["reason"] == "rolled back from deployment 3 to 1"

    def test_rollback_twice_restores_the_first_state(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")

        served = [
            service.http.post("/languages/mtod/es/rollback").json()["live"]["checkpoint_id"] for _ in range(3)
        ]

        assert served == ["es-1", "es-2", "es-1"]

    def test_rollback_skips_deleted_checkpoints(self, service: Service) -> None:
        for name in ("es-1", "es-2", "es-3"):
            service.adapt_to("es", name)
        service.http.delete("/checkpoints/es-2")

        response = service.http.post("/languages/mtod/es/rollback")

        assert response.json()["live"]["checkpoint_id"] == "es-1"

    def test_rollback_without_a_previous_checkpoint_changes_nothing(self, service: Service) -> None:
        problem(service.http.post("/languages/mtod/es/rollback"), 404)
        service.adapt_to("es", "es-1")

        problem(service.http.post("/languages/mtod/es/rollback"), 409)

        assert etag(service, "/languages/mtod/es") == '"1"'

    def test_rollback_checks_the_precondition(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")
        path = "/languages/mtod/es/rollback"

        problem(service.http.post(path, headers={"if-match": '"1"'}), 412)
        assert service.http.post(path, headers={"if-match": '"2"'}).status_code == 200

    def test_rollback_detects_a_concurrent_deployment(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")
        create = LocalBackend.create

        def create_after_the_rival(backend: LocalBackend, key: str, data: bytes) -> bool:
            monkeypatch.undo()
            service.store.deployments.deploy(MTOD, "es", "base-en", reason="the rival")
            return create(backend, key, data)

        monkeypatch.setattr(LocalBackend, "create", create_after_the_rival)

        problem(service.http.post("/languages/mtod/es/rollback"), 409)

        assert service.http.get("/languages/mtod/es").json()["live"]["checkpoint_id"] == "base-en"

    def test_rollback_accepts_a_damaged_live_record(self, service: Service) -> None:
        service.adapt_to("es", "es-1")
        service.adapt_to("es", "es-2")
        (service.folder / "deployments" / "mtod" / "es" / "000002.json").write_text("{")

        response = service.http.post("/languages/mtod/es/rollback")

        assert response.json()["live"]["checkpoint_id"] == "es-1"
