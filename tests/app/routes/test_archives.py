"""Export and import of checkpoints as archives."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.registry.archives import TAR
from core.contracts.values import MTOD
from core.store.local import LocalBackend
from tests.app.archives import FILES, WEIGHTS, archive, send, weights
from tests.app.service import Service, problem, running


def unpack(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        return {info.name: content.read() for info in packed if (content := packed.extractfile(info))}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


class TestOut:
    def test_export_holds_the_manifest_and_every_file(self, service: Service) -> None:
        send(service, archive())

        response = service.http.get("/checkpoints/es-7/archive")

        assert response.headers["content-type"] == "application/x-tar"
        assert response.headers["content-disposition"] == 'attachment; filename="es-7.tar"'
        assert int(response.headers["content-length"]) == len(response.content)
        files = unpack(response.content)
        assert json.loads(files.pop("manifest.json"))["checkpoint_id"] == "es-7"
        assert files == FILES

    def test_export_is_deterministic(self, service: Service) -> None:
        send(service, archive())

        first, second = (service.http.get("/checkpoints/es-7/archive").content for _ in range(2))

        assert first == second

    def test_export_leaves_out_files_that_the_manifest_does_not_name(self, service: Service) -> None:
        send(service, archive())
        (service.folder / "checkpoints" / "mtod" / "es-7" / "notes.txt").write_text("mine")

        assert "notes.txt" not in unpack(service.http.get("/checkpoints/es-7/archive").content)

    def test_export_of_a_checkpoint_without_a_file_is_a_server_error(self, service: Service) -> None:
        send(service, archive())
        (service.folder / "checkpoints" / "mtod" / "es-7" / "config.json").unlink()

        refusal = problem(service.http.get("/checkpoints/es-7/archive"), 500)

        assert refusal["detail"] == "checkpoint es-7: config.json is missing"

    def test_export_is_complete_when_the_checkpoint_is_deleted_meanwhile(self, service: Service) -> None:
        from app.registry.archives import pack

        send(service, archive())
        store = service.store.checkpoints
        packed = pack(store.manifest(MTOD, "es-7"), store.fetch(MTOD, "es-7"))
        chunks = [next(packed.chunks)]

        assert service.http.delete("/checkpoints/es-7").status_code == 204

        sent = b"".join([*chunks, *packed.chunks])
        assert len(sent) == packed.size
        assert unpack(sent)["model.safetensors"] == WEIGHTS


class TestIn:
    def test_import_accepts_an_export_of_another_service(
        self, service: Service, redis_url: str, tmp_path: Path
    ) -> None:
        send(service, archive())
        sent = service.http.get("/checkpoints/es-7/archive").content
        service.http.delete("/checkpoints/es-7")

        response = send(service, sent)

        assert response.status_code == 201
        assert response.headers["location"] == "/checkpoints/es-7"
        assert response.json() == service.http.get("/checkpoints/es-7").json()
        assert response.json()["serves"] == []
        assert service.http.get("/checkpoints/es-7/archive").content == sent

    def test_import_of_the_same_checkpoint_changes_nothing(self, service: Service) -> None:
        first, again = send(service, archive()), send(service, archive())

        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert first.headers["location"] == again.headers["location"]

    def test_import_refuses_another_checkpoint_of_the_same_id(self, service: Service) -> None:
        send(service, archive())

        problem(send(service, archive(method="mono")), 409)
        of_questions = {**FILES, "model.safetensors": weights([], [])}
        problem(send(service, archive(of_questions, task="qa", intents=[], slots=[])), 409)

    def test_import_refuses_an_addition_without_its_base(self, service: Service) -> None:
        added = archive(base_id="base-th", trainable="heads")

        refusal = problem(send(service, added), 409)

        assert "base-th, which is not here: import that one first" in refusal["detail"]
        service.make_checkpoint("base-th", languages=("th",))
        assert send(service, added).status_code == 201

    def test_import_accepts_a_complete_checkpoint_without_its_base(self, service: Service) -> None:
        assert send(service, archive(base_id="gone")).status_code == 201

    def test_import_is_reverted_when_the_base_is_deleted_meanwhile(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.make_checkpoint("base-th", languages=("th",))
        upload = LocalBackend.upload

        def upload_while_the_base_goes(backend: LocalBackend, key: str, source: Path) -> None:
            service.store.checkpoints.delete(MTOD, "base-th", guard=lambda: None)
            monkeypatch.undo()
            upload(backend, key, source)

        monkeypatch.setattr(LocalBackend, "upload", upload_while_the_base_goes)

        problem(send(service, archive(base_id="base-th", trainable="heads")), 409)

        assert [
            checkpoint["checkpoint_id"]
            for checkpoint in service.http.get("/checkpoints").json()["checkpoints"]
        ] == ["base-en"]

    def test_import_leaves_no_temporary_files(self, service: Service, temporary: Path) -> None:
        send(service, archive())
        refused_archive = archive({**FILES, "config.json": b"{"})
        problem(send(service, refused_archive), 422)

        assert list(temporary.iterdir()) == []

    def test_import_has_its_own_size_limit(self, redis_url: str, tmp_path: Path) -> None:
        data = archive()
        with running(redis_url, tmp_path, max_body_bytes=1024, max_archive_bytes=len(data)) as service:
            assert send(service, data).status_code == 201
            refusal = problem(send(service, data + b"\0"), 413)
            assert refusal["detail"] == f"the request body is over the limit of {len(data)} bytes"

            def unsaid() -> Iterator[bytes]:
                yield data
                yield b"\0"

            problem(service.http.post("/checkpoints", content=unsaid(), headers={"content-type": TAR}), 413)

    @pytest.mark.parametrize("kind", ["application/zip", "application/json", ""])
    def test_import_refuses_another_media_type(self, service: Service, kind: str) -> None:
        response = service.http.post("/checkpoints", content=archive(), headers={"content-type": kind})

        problem(response, 415)
