"""A checkpoint goes out as an archive and comes in again; nothing else comes in."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.registry.archives import TAR
from core.contracts.values import TaskName
from core.store.local import LocalBackend
from tests.app.archives import FILES, WEIGHTS, archive, send, weights
from tests.app.service import Service, problem, running


def unpacked(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as read:
        return {info.name: content.read() for info in read if (content := read.extractfile(info))}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


class TestOut:
    def test_an_archive_holds_the_manifest_and_every_file(self, service: Service) -> None:
        send(service, archive())

        response = service.http.get("/checkpoints/es-7/archive")

        assert response.headers["content-type"] == "application/x-tar"
        assert response.headers["content-disposition"] == 'attachment; filename="es-7.tar"'
        assert int(response.headers["content-length"]) == len(response.content)
        files = unpacked(response.content)
        assert json.loads(files.pop("manifest.json"))["checkpoint_id"] == "es-7"
        assert files == FILES

    def test_the_same_checkpoint_gives_the_same_bytes(self, service: Service) -> None:
        send(service, archive())

        first, second = (service.http.get("/checkpoints/es-7/archive").content for _ in range(2))

        assert first == second

    def test_what_the_manifest_does_not_name_stays_here(self, service: Service) -> None:
        send(service, archive())
        (service.folder / "checkpoints" / "mtod" / "es-7" / "notes.txt").write_text("mine")

        assert "notes.txt" not in unpacked(service.http.get("/checkpoints/es-7/archive").content)

    def test_a_checkpoint_that_lost_a_file_is_told_as_our_fault(self, service: Service) -> None:
        send(service, archive())
        (service.folder / "checkpoints" / "mtod" / "es-7" / "config.json").unlink()

        told = problem(service.http.get("/checkpoints/es-7/archive"), 500)

        assert told["detail"] == "checkpoint es-7: config.json is missing"

    def test_a_deletion_does_not_break_off_what_is_being_sent(self, service: Service) -> None:
        from app.registry.archives import packed

        send(service, archive())
        store = service.store.checkpoints
        going = packed(store.manifest(TaskName.MTOD, "es-7"), store.fetch(TaskName.MTOD, "es-7"))
        chunks = [next(going.chunks)]

        assert service.http.delete("/checkpoints/es-7").status_code == 204

        sent = b"".join([*chunks, *going.chunks])
        assert len(sent) == going.size
        assert unpacked(sent)["model.safetensors"] == WEIGHTS


class TestIn:
    def test_what_went_out_of_one_service_comes_into_another(
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

    def test_importing_the_same_again_changes_nothing(self, service: Service) -> None:
        first, again = send(service, archive()), send(service, archive())

        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert first.headers["location"] == again.headers["location"]

    def test_another_checkpoint_of_that_name_is_refused(self, service: Service) -> None:
        send(service, archive())

        problem(send(service, archive(method="mono")), 409)
        of_questions = {**FILES, "model.safetensors": weights([], [])}
        problem(send(service, archive(of_questions, task="qa", intents=[], slots=[])), 409)

    def test_an_addition_needs_its_base_first(self, service: Service) -> None:
        added = archive(base_id="base-th", trainable="heads")

        told = problem(send(service, added), 409)

        assert "base-th, which is not here: import that one first" in told["detail"]
        service.make_checkpoint("base-th", languages=("th",))
        assert send(service, added).status_code == 201

    def test_a_whole_checkpoint_does_not_need_the_base_it_came_from(self, service: Service) -> None:
        assert send(service, archive(base_id="gone")).status_code == 201

    def test_an_addition_whose_base_is_deleted_in_the_same_moment_is_taken_back(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.make_checkpoint("base-th", languages=("th",))
        upload = LocalBackend.upload

        def upload_while_the_base_goes(backend: LocalBackend, key: str, source: Path) -> None:
            service.store.checkpoints.delete(TaskName.MTOD, "base-th", guard=lambda: None)
            monkeypatch.undo()
            upload(backend, key, source)

        monkeypatch.setattr(LocalBackend, "upload", upload_while_the_base_goes)

        problem(send(service, archive(base_id="base-th", trainable="heads")), 409)

        assert [one["checkpoint_id"] for one in service.http.get("/checkpoints").json()["checkpoints"]] == [
            "base-en"
        ]

    def test_nothing_is_left_behind(self, service: Service, temporary: Path) -> None:
        send(service, archive())
        refused_archive = archive({**FILES, "config.json": b"{"})
        problem(send(service, refused_archive), 422)

        assert list(temporary.iterdir()) == []

    def test_an_archive_may_be_larger_than_other_bodies_but_has_a_limit_of_its_own(
        self, redis_url: str, tmp_path: Path
    ) -> None:
        data = archive()
        with running(redis_url, tmp_path, max_body_bytes=1024, max_archive_bytes=len(data)) as service:
            assert send(service, data).status_code == 201
            told = problem(send(service, data + b"\0"), 413)
            assert told["detail"] == f"the request body is over the limit of {len(data)} bytes"

            def unsaid() -> Iterator[bytes]:
                yield data
                yield b"\0"

            problem(service.http.post("/checkpoints", content=unsaid(), headers={"content-type": TAR}), 413)

    @pytest.mark.parametrize("kind", ["application/zip", "application/json", ""])
    def test_another_kind_of_body_is_refused(self, service: Service, kind: str) -> None:
        response = service.http.post("/checkpoints", content=archive(), headers={"content-type": kind})

        problem(response, 415)
