"""A checkpoint that is deleted is gone whole; one that somebody needs stays whole."""

from pathlib import Path

import pytest

from core.contracts.reports import CheckpointManifest
from core.errors import Conflict, NotFound
from core.store import Store
from core.store.local import LocalBackend
from core.store.remote import RemoteBackend
from tests.core.store.builders import MTOD, TRICKS, checkpoint_folder, checkpoint_manifest, contents


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return checkpoint_folder(tmp_path / "trained")


@pytest.fixture
def manifest(trained: Path) -> CheckpointManifest:
    return checkpoint_manifest(trained)


def nobody_needs_it() -> None:
    """Let a checkpoint go."""


class Needed:
    """Finds that somebody needs the checkpoint, at the first or the second look."""

    def __init__(self, *, at_look: int) -> None:
        self._at_look = at_look
        self._looks = 0

    def __call__(self) -> None:
        self._looks += 1
        if self._looks == self._at_look:
            raise Conflict("it serves es")


def test_a_deleted_checkpoint_is_gone_with_all_its_files_and_no_other(
    store: Store, trained: Path, manifest: CheckpointManifest
) -> None:
    other = checkpoint_manifest(trained, "es-2")
    for one in (manifest, other):
        store.checkpoints.publish(trained, manifest=one)
        store.checkpoints.fetch(MTOD, one.checkpoint_id)
    store.checkpoints.delete(MTOD, "es-1", guard=nobody_needs_it)
    assert not store.checkpoints.exists(MTOD, "es-1")
    assert store.checkpoints.list(MTOD) == [other]
    for use in (store.checkpoints.manifest, store.checkpoints.fetch):
        with pytest.raises(NotFound):
            use(MTOD, "es-1")
    assert (store.checkpoints.fetch(MTOD, "es-2") / "model.safetensors").read_bytes() == b"weights"


def test_nothing_of_a_deleted_checkpoint_stays_on_the_disk(
    local_store: Store, folder: Path, trained: Path, manifest: CheckpointManifest
) -> None:
    local_store.checkpoints.publish(trained, manifest=manifest)
    local_store.checkpoints.delete(MTOD, "es-1", guard=nobody_needs_it)
    assert list((folder / "checkpoints" / "mtod").iterdir()) == []


def test_nothing_of_a_deleted_checkpoint_stays_in_the_bucket_or_in_the_copies(
    memory_store: Store, memory_url: str, tmp_path: Path, trained: Path, manifest: CheckpointManifest
) -> None:
    memory_store.checkpoints.publish(trained, manifest=manifest)
    memory_store.checkpoints.fetch(MTOD, "es-1")
    memory_store.checkpoints.delete(MTOD, "es-1", guard=nobody_needs_it)
    assert RemoteBackend(memory_url).files("checkpoints") == []
    assert contents(tmp_path / "cache") == {}


def test_a_checkpoint_does_not_exist_any_more_before_its_first_file_goes(
    store: Store, trained: Path, manifest: CheckpointManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.checkpoints.publish(trained, manifest=manifest)
    for backend in (LocalBackend, RemoteBackend):
        monkeypatch.setattr(backend, "remove_all", lambda self, folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        store.checkpoints.delete(MTOD, "es-1", guard=nobody_needs_it)
    assert store.checkpoints.list(MTOD) == []
    assert store.checkpoints.publish(trained, manifest=manifest)
    assert contents(store.checkpoints.fetch(MTOD, "es-1"))["model.safetensors"] == b"weights"


@pytest.mark.parametrize("look", [1, 2])
def test_a_checkpoint_that_is_needed_stays_even_if_that_is_seen_late(
    store: Store, trained: Path, manifest: CheckpointManifest, look: int
) -> None:
    store.checkpoints.publish(trained, manifest=manifest)
    before = contents(store.checkpoints.fetch(MTOD, "es-1"))
    with pytest.raises(Conflict, match="it serves es"):
        store.checkpoints.delete(MTOD, "es-1", guard=Needed(at_look=look))
    assert store.checkpoints.list(MTOD) == [manifest]
    assert contents(store.checkpoints.fetch(MTOD, "es-1")) == before


def test_a_checkpoint_whose_manifest_is_damaged_can_be_deleted(
    local_store: Store, folder: Path, trained: Path, manifest: CheckpointManifest
) -> None:
    local_store.checkpoints.publish(trained, manifest=manifest)
    (folder / "checkpoints" / "mtod" / "es-1" / "manifest.json").write_text("{")
    assert local_store.checkpoints.exists(MTOD, "es-1")
    local_store.checkpoints.delete(MTOD, "es-1", guard=nobody_needs_it)
    assert not local_store.checkpoints.exists(MTOD, "es-1")


@pytest.mark.parametrize("name", [*TRICKS, "nobody"])
def test_what_is_not_there_cannot_be_deleted(store: Store, name: str) -> None:
    assert not store.checkpoints.exists(MTOD, name)
    with pytest.raises(NotFound):
        store.checkpoints.delete(MTOD, name, guard=nobody_needs_it)
