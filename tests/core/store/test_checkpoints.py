"""Publication, verification and caching of checkpoints."""

from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from core.contracts.reports import CheckpointManifest
from core.contracts.values import MTOD, TaskName
from core.errors import Conflict, CorruptArtifact, InvalidInput, NotFound, StoreUnavailable
from core.store import Store
from core.store.local import LocalBackend
from core.store.remote import RemoteBackend
from tests.core.store.builders import (
    UNSAFE_NAMES,
    after_noon,
    checkpoint_folder,
    checkpoint_manifest,
    contents,
)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return checkpoint_folder(tmp_path / "trained")


@pytest.fixture
def manifest(trained: Path) -> CheckpointManifest:
    return checkpoint_manifest(trained)


def test_fetch_returns_all_published_files(store: Store, trained: Path, manifest: CheckpointManifest) -> None:
    store.checkpoints.publish(trained, manifest=manifest)
    fetched = contents(store.checkpoints.fetch(MTOD, "es-1"))
    written = fetched.pop("manifest.json")
    assert fetched == contents(trained)
    assert CheckpointManifest.model_validate_json(written) == manifest
    assert store.checkpoints.manifest(MTOD, "es-1") == manifest


def test_fetch_returns_the_stored_folder_for_local_storage(
    local_store: Store, folder: Path, trained: Path, manifest: CheckpointManifest
) -> None:
    local_store.checkpoints.publish(trained, manifest=manifest)
    assert local_store.checkpoints.fetch(MTOD, "es-1") == folder / "checkpoints" / "mtod" / "es-1"


def test_publish_skips_hidden_files_and_an_existing_manifest(
    store: Store, trained: Path, manifest: CheckpointManifest
) -> None:
    (trained / "manifest.json").write_text("of an earlier attempt")
    (trained / ".model.safetensors.tmp").write_text("half of")
    store.checkpoints.publish(trained, manifest=manifest)
    assert store.checkpoints.manifest(MTOD, "es-1") == manifest
    assert ".model.safetensors.tmp" not in contents(store.checkpoints.fetch(MTOD, "es-1"))


def test_checkpoint_does_not_exist_until_its_manifest_is_written(
    local_store: Store, trained: Path, manifest: CheckpointManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(LocalBackend, "create", lambda self, key, data: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            local_store.checkpoints.publish(trained, manifest=manifest)
    assert local_store.checkpoints.list(MTOD) == []
    for use in (local_store.checkpoints.manifest, local_store.checkpoints.fetch):
        with pytest.raises(NotFound):
            use(MTOD, "es-1")
    local_store.checkpoints.publish(trained, manifest=manifest)
    assert local_store.checkpoints.list(MTOD) == [manifest]


def test_publish_is_idempotent(store: Store, trained: Path, manifest: CheckpointManifest) -> None:
    assert store.checkpoints.publish(trained, manifest=manifest)
    assert not store.checkpoints.publish(trained, manifest=manifest)
    assert store.checkpoints.list(MTOD) == [manifest]


def test_publish_refuses_another_checkpoint_with_the_same_id(
    store: Store, tmp_path: Path, trained: Path, manifest: CheckpointManifest
) -> None:
    store.checkpoints.publish(trained, manifest=manifest)
    other = checkpoint_folder(tmp_path / "other", weights=b"others")
    with pytest.raises(Conflict, match="es-1"):
        store.checkpoints.publish(other, manifest=checkpoint_manifest(other))
    assert contents(store.checkpoints.fetch(MTOD, "es-1"))["model.safetensors"] == b"weights"


def test_publish_refuses_when_a_concurrent_writer_is_first(
    local_store: Store, trained: Path, manifest: CheckpointManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    rival = manifest.model_copy(update={"created_at": after_noon(1)})
    upload = LocalBackend.upload

    def upload_while_the_rival_publishes(backend: LocalBackend, key: str, source: Path) -> None:
        upload(backend, key, source)
        monkeypatch.undo()
        local_store.checkpoints.publish(trained, manifest=rival)

    monkeypatch.setattr(LocalBackend, "upload", upload_while_the_rival_publishes)
    with pytest.raises(Conflict):
        local_store.checkpoints.publish(trained, manifest=manifest)
    assert local_store.checkpoints.manifest(MTOD, "es-1") == rival


def test_publish_refuses_files_that_do_not_match_the_manifest(
    store: Store, trained: Path, manifest: CheckpointManifest
) -> None:
    (trained / "model.safetensors").write_bytes(b"others!")
    with pytest.raises(CorruptArtifact, match=r"model\.safetensors does not have"):
        store.checkpoints.publish(trained, manifest=manifest)
    (trained / "model.safetensors").unlink()
    with pytest.raises(CorruptArtifact, match=r"model\.safetensors is missing"):
        store.checkpoints.publish(trained, manifest=manifest)
    assert store.checkpoints.list(MTOD) == []


@pytest.mark.parametrize("name", ["../x", "/x", "a/../x", "a//x", "", ".hidden", "a/.hidden", "a\\x", "./x"])
def test_publish_refuses_unsafe_file_names(
    store: Store, trained: Path, manifest: CheckpointManifest, name: str
) -> None:
    bad = manifest.model_copy(update={"files": {**manifest.files, name: "0" * 64}})
    with pytest.raises(CorruptArtifact, match="is no name for a file"):
        store.checkpoints.publish(trained, manifest=bad)


def test_list_is_sorted_newest_first(store: Store, trained: Path) -> None:
    for name, minutes in (("old", 1), ("new", 9), ("middle", 5)):
        manifest = checkpoint_manifest(trained, name, created_at=after_noon(minutes))
        store.checkpoints.publish(trained, manifest=manifest)
    assert [manifest.checkpoint_id for manifest in store.checkpoints.list(MTOD)] == ["new", "middle", "old"]
    assert [manifest.checkpoint_id for manifest in store.checkpoints.list(MTOD)] == ["new", "middle", "old"]


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_list_skips_invalid_manifests(
    local_store: Store, folder: Path, trained: Path, manifest: CheckpointManifest, content: str
) -> None:
    local_store.checkpoints.publish(trained, manifest=manifest)
    (folder / "checkpoints" / "mtod" / "broken").mkdir()
    (folder / "checkpoints" / "mtod" / "broken" / "manifest.json").write_text(content)
    assert local_store.checkpoints.list(MTOD) == [manifest]
    with pytest.raises(CorruptArtifact, match="manifest of checkpoint broken"):
        local_store.checkpoints.fetch(MTOD, "broken")


def test_manifest_of_another_checkpoint_is_reported_as_corrupt(
    local_store: Store, folder: Path, trained: Path, manifest: CheckpointManifest
) -> None:
    local_store.checkpoints.publish(trained, manifest=manifest)
    (folder / "checkpoints" / "mtod" / "es-1").rename(folder / "checkpoints" / "mtod" / "es-2")
    with pytest.raises(CorruptArtifact, match="holds the manifest of es-1"):
        local_store.checkpoints.manifest(MTOD, "es-2")


def test_fetch_downloads_a_copy_once(
    memory_store: Store, trained: Path, manifest: CheckpointManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_store.checkpoints.publish(trained, manifest=manifest)
    first = memory_store.checkpoints.fetch(MTOD, "es-1")
    monkeypatch.setattr(MemoryFileSystem, "get_file", lambda *arguments, **options: 1 / 0)
    assert memory_store.checkpoints.fetch(MTOD, "es-1") == first


def test_fetch_downloads_a_damaged_copy_again(
    memory_store: Store, trained: Path, manifest: CheckpointManifest
) -> None:
    memory_store.checkpoints.publish(trained, manifest=manifest)
    copy = memory_store.checkpoints.fetch(MTOD, "es-1")
    (copy / "model.safetensors").write_bytes(b"damaged")
    assert (memory_store.checkpoints.fetch(MTOD, "es-1") / "model.safetensors").read_bytes() == b"weights"
    (copy / "manifest.json").unlink()
    assert (memory_store.checkpoints.fetch(MTOD, "es-1") / "manifest.json").is_file()


def test_fetch_reports_a_damaged_object_and_leaves_no_copy(
    memory_store: Store, memory_url: str, tmp_path: Path, trained: Path, manifest: CheckpointManifest
) -> None:
    memory_store.checkpoints.publish(trained, manifest=manifest)
    RemoteBackend(memory_url).write("checkpoints/mtod/es-1/model.safetensors", b"damaged")
    with pytest.raises(CorruptArtifact, match=r"model\.safetensors"):
        memory_store.checkpoints.fetch(MTOD, "es-1")
    assert contents(tmp_path / "cache") == {}


def test_fetch_uses_a_copy_of_a_concurrent_process(
    memory_store: Store, trained: Path, manifest: CheckpointManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_store.checkpoints.publish(trained, manifest=manifest)
    download: Any = MemoryFileSystem.get_file

    def download_while_the_other_finishes(files: MemoryFileSystem, source: str, target: str) -> None:
        monkeypatch.undo()
        memory_store.checkpoints.fetch(MTOD, "es-1")
        download(files, source, target)

    monkeypatch.setattr(MemoryFileSystem, "get_file", download_while_the_other_finishes)
    copy = memory_store.checkpoints.fetch(MTOD, "es-1")
    assert (copy / "model.safetensors").read_bytes() == b"weights"
    assert [path.name for path in copy.parent.iterdir()] == ["es-1"]


def test_fetch_uses_a_private_folder_by_default(
    memory_url: str,
    tmp_path: Path,
    trained: Path,
    manifest: CheckpointManifest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    store = Store(memory_url)
    store.checkpoints.publish(trained, manifest=manifest)
    copy = store.checkpoints.fetch(MTOD, "es-1")
    (private,) = (tmp_path / "temporary").iterdir()
    assert copy.is_relative_to(private)
    assert private.stat().st_mode & 0o777 == 0o700


def test_fetch_refuses_a_cache_folder_of_another_user(
    memory_url: str,
    tmp_path: Path,
    trained: Path,
    manifest: CheckpointManifest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("os.getuid", lambda: 987_654)
    (tmp_path / "xmetra-checkpoints-987654").mkdir()
    store = Store(memory_url)
    store.checkpoints.publish(trained, manifest=manifest)
    with pytest.raises(StoreUnavailable, match="belongs to somebody else"):
        store.checkpoints.fetch(MTOD, "es-1")


@pytest.mark.parametrize("name", [*UNSAFE_NAMES, "nobody"])
def test_unknown_checkpoint_is_not_found(store: Store, name: str) -> None:
    for use in (store.checkpoints.manifest, store.checkpoints.fetch):
        with pytest.raises(NotFound):
            use(MTOD, name)


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_publish_refuses_unsafe_checkpoint_ids(
    store: Store, folder: Path, trained: Path, manifest: CheckpointManifest, name: str
) -> None:
    with pytest.raises(InvalidInput):
        store.checkpoints.publish(trained, manifest=manifest.model_copy(update={"checkpoint_id": name}))
    assert not folder.exists()


def test_checkpoints_refuse_an_unknown_task(store: Store) -> None:
    task: TaskName = "../mtod"
    with pytest.raises(InvalidInput, match="/task"):
        store.checkpoints.list(task)
    with pytest.raises(InvalidInput, match="/task"):
        store.checkpoints.manifest(task, "es-1")
