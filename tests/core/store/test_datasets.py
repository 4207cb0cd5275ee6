"""Storage of datasets."""

import hashlib
from pathlib import Path

import pytest

from core.contracts.values import MTOD, TaskName
from core.errors import CorruptArtifact, InvalidInput, NotFound
from core.store import Store
from tests.core.store.builders import UNSAFE_NAMES, examples


def test_load_returns_the_examples_in_order(store: Store) -> None:
    manifest = store.datasets.put(examples(), task=MTOD, language="es")
    assert store.datasets.load(manifest.dataset_id) == tuple(examples())


def test_manifest_describes_the_dataset(store: Store) -> None:
    manifest = store.datasets.put(examples(), task=MTOD, language="ES_mx")
    assert store.datasets.manifest(manifest.dataset_id) == manifest
    assert (manifest.task, manifest.language, manifest.examples) == (MTOD, "es-MX", 3)
    assert manifest.intents == {"alarm/set_alarm": 2, "weather/find": 1}
    assert manifest.slots == {"datetime": 1}


def test_dataset_id_is_the_hash_of_task_language_and_lines(local_store: Store, folder: Path) -> None:
    manifest = local_store.datasets.put(examples(), task=MTOD, language="es")
    lines = (folder / "datasets" / manifest.dataset_id / "data.jsonl").read_bytes()
    assert lines.count(b"\n") == 3
    assert manifest.dataset_id == hashlib.sha256(b'["mtod", "es"]\n' + lines).hexdigest()


def test_dataset_id_depends_only_on_the_content(store: Store) -> None:
    first, second, third = examples()

    def name(*content: object, language: str = "es") -> str:
        chosen = [example for example in (first, second, third) if example in content]
        if content and content[0] is not first:
            chosen.reverse()
        return store.datasets.put(chosen, task=MTOD, language=language).dataset_id

    assert name(first, second) == name(first, second)
    others = {name(first, second), name(second, first), name(first), name(first, second, language="pt")}
    assert len(others) == 4


def test_put_does_not_write_an_existing_dataset(local_store: Store, folder: Path) -> None:
    local_store.datasets.put(examples(), task=MTOD, language="es")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    local_store.datasets.put(examples(), task=MTOD, language="es")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("damage", [b"", b"not JSON\n", b'{"intent":"alarm/set_alarm","text":"otra"}\n'])
def test_damaged_dataset_is_reported_and_repaired_by_put(
    local_store: Store, folder: Path, damage: bytes
) -> None:
    manifest = local_store.datasets.put(examples(), task=MTOD, language="es")
    (folder / "datasets" / manifest.dataset_id / "data.jsonl").write_bytes(damage)
    with pytest.raises(CorruptArtifact, match="SHA-256"):
        local_store.datasets.load(manifest.dataset_id)
    local_store.datasets.put(examples(), task=MTOD, language="es")
    assert local_store.datasets.load(manifest.dataset_id) == tuple(examples())


def test_load_reports_a_changed_character(local_store: Store, folder: Path) -> None:
    manifest = local_store.datasets.put(examples(), task=MTOD, language="es")
    path = folder / "datasets" / manifest.dataset_id / "data.jsonl"
    path.write_bytes(path.read_bytes().replace(b"siete", b"nueve"))
    with pytest.raises(CorruptArtifact, match=manifest.dataset_id):
        local_store.datasets.load(manifest.dataset_id)


def test_load_reports_a_manifest_with_another_language(local_store: Store, folder: Path) -> None:
    manifest = local_store.datasets.put(examples(), task=MTOD, language="es")
    path = folder / "datasets" / manifest.dataset_id / "manifest.json"
    path.write_text(path.read_text().replace('"es"', '"pt"'))
    with pytest.raises(CorruptArtifact):
        local_store.datasets.load(manifest.dataset_id)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"dataset_id": "x"}'])
def test_load_reports_an_invalid_manifest(local_store: Store, folder: Path, content: str) -> None:
    manifest = local_store.datasets.put(examples(), task=MTOD, language="es")
    (folder / "datasets" / manifest.dataset_id / "manifest.json").write_text(content)
    with pytest.raises(CorruptArtifact, match="manifest of dataset"):
        local_store.datasets.manifest(manifest.dataset_id)


def test_load_reports_missing_data(local_store: Store, folder: Path) -> None:
    manifest = local_store.datasets.put(examples(), task=MTOD, language="es")
    (folder / "datasets" / manifest.dataset_id / "data.jsonl").unlink()
    with pytest.raises(CorruptArtifact, match="lost"):
        local_store.datasets.load(manifest.dataset_id)


def test_dataset_without_a_manifest_does_not_exist(local_store: Store, folder: Path) -> None:
    manifest = local_store.datasets.put(examples(), task=MTOD, language="es")
    (folder / "datasets" / manifest.dataset_id / "manifest.json").unlink()
    with pytest.raises(NotFound):
        local_store.datasets.load(manifest.dataset_id)


@pytest.mark.parametrize("name", [*UNSAFE_NAMES, "f" * 64])
def test_unknown_dataset_is_not_found(store: Store, name: str) -> None:
    with pytest.raises(NotFound):
        store.datasets.load(name)
    with pytest.raises(NotFound):
        store.datasets.manifest(name)


def test_put_refuses_an_empty_dataset(store: Store) -> None:
    with pytest.raises(InvalidInput, match="at least one"):
        store.datasets.put([], task=MTOD, language="es")


@pytest.mark.parametrize("language", ["../es", "", "nosuchlanguage"])
def test_put_refuses_an_invalid_language(store: Store, language: str) -> None:
    with pytest.raises(InvalidInput, match="/language"):
        store.datasets.put(examples(), task=MTOD, language=language)


def test_put_refuses_an_unknown_task(store: Store) -> None:
    task: TaskName = "../mtod"
    with pytest.raises(InvalidInput, match="/task"):
        store.datasets.put(examples(), task=task, language="es")
