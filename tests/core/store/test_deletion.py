"""Deletion of checkpoints."""

from pathlib import Path

import pytest

from core.contracts.reports import CheckpointManifest
from core.contracts.values import MTOD
from core.errors import Conflict, NotFound
from core.store import Store
from core.store.local import LocalBackend
from core.store.remote import RemoteBackend
from tests.core.store.builders import UNSAFE_NAMES, checkpoint_folder, checkpoint_manifest, contents


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return checkpoint_folder(tmp_path / "trained")


@pytest.fixture
def manifest(trained: Path) -> CheckpointManifest:
    return checkpoint_manifest(trained)


def allow() -> None:
    """Allow the deletion."""


class InUse:
    """Guard that refuses the deletion at its first or its second call."""

    def __init__(self, *, at_call: int) -> None:
        self._at_call = at_call
        self._calls = 0

    def __call__(self) -> None:
        self._calls += 1
        if self._calls == self._at_call:
            raise Conflict("it serves es")


def test_delete_removes_only_the_given_checkpoint(
    store: Store, trained: Path, manifest: CheckpointManifest
) -> None:
    other = checkpoint_manifest(trained, "es-2")
    for published in (manifest, other):
        store.checkpoints.publish(trained, manifest=published)
        store.checkpoints.fetch(MTOD, published.checkpoint_id)
    store.checkpoints.delete(MTOD, "es-1", guard=allow)
    assert not store.checkpoints.exists(MTOD, "es-1")
    assert store.checkpoints.list(MTOD) == [other]
    for use in (store.checkpoints.manifest, store.checkpoints.fetch):
        with pytest.raises(NotFound):
            use(MTOD, "es-1")
    assert (store.checkpoints.fetch(MTOD, "es-2") / "model.safetensors").read_bytes() == b"weights"


def test_delete_leaves_no_files_in_local_storage(
    local_store: Store, folder: Path, trained: Path, manifest: CheckpointManifest
) -> None:
    local_store.checkpoints.publish(trained, manifest=manifest)
    local_store.checkpoints.delete(MTOD, "es-1", guard=allow)
    assert list((folder / "checkpoints" / "mtod").iterdir()) == []


def test_delete_leaves_no_objects_and_no_cached_copy(
    memory_store: Store, memory_url: str, tmp_path: Path, trained: Path, manifest: CheckpointManifest
) -> None:
    memory_store.checkpoints.publish(trained, manifest=manifest)
    memory_store.checkpoints.fetch(MTOD, "es-1")
    memory_store.checkpoints.delete(MTOD, "es-1", guard=allow)
    assert RemoteBackend(memory_url).files("checkpoints") == []
    assert contents(tmp_path / "cache") == {}


def test_delete_removes_the_manifest_before_the_files(
    store: Store, trained: Path, manifest: CheckpointManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.checkpoints.publish(trained, manifest=manifest)
    for backend in (LocalBackend, RemoteBackend):
        monkeypatch.setattr(backend, "remove_all", lambda self, folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        store.checkpoints.delete(MTOD, "es-1", guard=allow)
    assert store.checkpoints.list(MTOD) == []
    assert store.checkpoints.publish(trained, manifest=manifest)
    assert contents(store.checkpoints.fetch(MTOD, "es-1"))["model.safetensors"] == b"weights"


@pytest.mark.parametrize("call", [1, 2])
def test_delete_restores_a_checkpoint_that_is_in_use(
    store: Store, trained: Path, manifest: CheckpointManifest, call: int
) -> None:
    store.checkpoints.publish(trained, manifest=manifest)
    before = contents(store.checkpoints.fetch(MTOD, "es-1"))
    with pytest.raises(Conflict, match="it serves es"):
        store.checkpoints.delete(MTOD, "es-1", guard=InUse(at_call=call))
    assert store.checkpoints.list(MTOD) == [manifest]
    assert contents(store.checkpoints.fetch(MTOD, "es-1")) == before


def test_delete_accepts_an_invalid_manifest(
    local_store: Store, folder: Path, trained: Path, manifest: CheckpointManifest
) -> None:
    local_store.checkpoints.publish(trained, manifest=manifest)
    (folder / "checkpoints" / "mtod" / "es-1" / "manifest.json").write_text("{")
    assert local_store.checkpoints.exists(MTOD, "es-1")
    local_store.checkpoints.delete(MTOD, "es-1", guard=allow)
    assert not local_store.checkpoints.exists(MTOD, "es-1")


@pytest.mark.parametrize("name", [*UNSAFE_NAMES, "unknown"])
def test_delete_raises_for_an_unknown_checkpoint(store: Store, name: str) -> None:
    assert not store.checkpoints.exists(MTOD, name)
    with pytest.raises(NotFound):
        store.checkpoints.delete(MTOD, name, guard=allow)
