"""Manifests of experiments: creation, extension and conflicts."""

from pathlib import Path
from typing import Any

import pytest

from core.contracts.values import MTOD
from core.errors import Conflict
from core.experiments.corpora import find_corpora
from core.experiments.folder import Folder
from core.experiments.grid import Experiment
from core.experiments.manifest import write_manifest
from core.experiments.records import ExperimentManifest
from tests.core.experiments.small_experiments import write_samples


def experiment(**changes: Any) -> Experiment:
    fields: dict[str, Any] = {"task": "mtod", "languages": ("es",), "seeds": (42,), "methods": ("ft",)}
    return Experiment.model_validate(fields | changes)


def start(folder: Folder, data: Path, **changes: Any) -> ExperimentManifest:
    specification = experiment(**changes)
    return write_manifest(specification, find_corpora(data, MTOD, specification.languages), folder)


def test_write_manifest_stores_settings_and_data_hashes(data: Path, folder: Folder) -> None:
    manifest = start(folder, data, settings={"meta": {"inner_steps": 3}}, preset="paper")
    assert folder.read(folder.experiment, ExperimentManifest) == manifest
    assert manifest.experiment == experiment(settings={"meta": {"inner_steps": 3}}, preset="paper")
    assert manifest.hyperparameters.meta.inner_steps == 3
    assert manifest.base_settings.encoder_lr == 4e-5
    assert sorted(manifest.data) == [
        "mtod/en.held-out.jsonl",
        "mtod/en.jsonl",
        "mtod/es.few-shot.jsonl",
        "mtod/es.held-out.jsonl",
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"seeds": (42, 35)},
        {"methods": ("mono",)},
        {"shots": (3,)},
        {"shares": (0.5,)},
        {"draws": 7},
        {"trainable": ("lora",)},
        {"schedules": ("interleaved",)},
    ],
)
def test_write_manifest_extends_the_grid(data: Path, folder: Folder, more: dict[str, Any]) -> None:
    start(folder, data)
    assert start(folder, data, **more).experiment == experiment().merged_with(experiment(**more))


def test_write_manifest_adds_a_language(tmp_path: Path, folder: Folder) -> None:
    data = write_samples(tmp_path / "data")
    start(folder, data)
    for kind in ("few-shot", "held-out"):
        spanish = data / "mtod" / f"es.{kind}.jsonl"
        (data / "mtod" / f"pt.{kind}.jsonl").write_bytes(spanish.read_bytes())
    manifest = start(folder, data, languages=("pt",))
    assert manifest.experiment.languages == ("es", "pt")
    assert {"mtod/es.few-shot.jsonl", "mtod/pt.few-shot.jsonl"} <= set(manifest.data)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder": "embedded-en"}, "encoder is embedded there and embedded-en now"),
        ({"similarity": "other"}, "similarity is embedded there and other now"),
        ({"preset": "paper"}, "preset is tuned there and paper now"),
        ({"settings": {"meta": {"inner_steps": 4}}}, "meta.inner_steps is 1 there and 4 now"),
        ({"base_settings": {"epochs": 1}}, "base epochs is 3.0 there and 1.0 now"),
    ],
)
def test_write_manifest_rejects_changed_settings_and_names_them(
    data: Path, folder: Folder, changes: dict[str, Any], message: str
) -> None:
    before = start(folder, data)
    with pytest.raises(Conflict, match=message.replace(".", r"\.")):
        start(folder, data, **changes)
    assert folder.read(folder.experiment, ExperimentManifest) == before


def test_write_manifest_rejects_changed_data_and_names_it(tmp_path: Path, folder: Folder) -> None:
    data = write_samples(tmp_path / "data")
    start(folder, data)
    file = data / "mtod" / "es.held-out.jsonl"
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(Conflict, match=r"the SHA-256 of mtod/es\.held-out\.jsonl is .* there and .* now"):
        start(folder, data)


def test_write_manifest_accepts_equivalent_settings(data: Path, folder: Folder) -> None:
    start(folder, data)
    start(folder, data, settings={"meta": {"inner_steps": 1}, "tune": True})


def test_write_manifest_accepts_a_moved_data_folder(data: Path, tmp_path: Path, folder: Folder) -> None:
    start(folder, data)
    start(folder, write_samples(tmp_path / "elsewhere"))
