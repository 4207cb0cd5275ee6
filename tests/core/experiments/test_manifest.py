"""A folder belongs to one experiment, to which things can be added."""

from pathlib import Path
from typing import Any

import pytest

from core.contracts.values import TaskName
from core.errors import Conflict
from core.experiments.corpora import find_corpora
from core.experiments.folder import Folder
from core.experiments.grid import Experiment
from core.experiments.manifest import begin
from core.experiments.records import Kept
from tests.core.experiments.laboratory import write_samples


def asked(**changes: Any) -> Experiment:
    fields: dict[str, Any] = {"task": "mtod", "languages": ("es",), "seeds": (42,), "methods": ("ft",)}
    return Experiment.model_validate(fields | changes)


def begun(folder: Folder, data: Path, **changes: Any) -> Kept:
    experiment = asked(**changes)
    return begin(experiment, find_corpora(data, TaskName.MTOD, experiment.languages), folder)


def test_what_is_asked_is_kept_with_its_settings_and_hashes_of_its_data(data: Path, folder: Folder) -> None:
    kept = begun(folder, data, settings={"meta": {"inner_steps": 3}}, preset="paper")
    assert folder.read(folder.experiment, Kept) == kept
    assert kept.experiment == asked(settings={"meta": {"inner_steps": 3}}, preset="paper")
    assert kept.hyperparameters.meta.inner_steps == 3
    assert kept.base_settings.encoder_lr == 4e-5
    assert sorted(kept.data) == [
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
def test_more_can_be_asked_of_a_folder(data: Path, folder: Folder, more: dict[str, Any]) -> None:
    begun(folder, data)
    assert begun(folder, data, **more).experiment == asked().extended(asked(**more))


def test_a_language_can_be_added(tmp_path: Path, folder: Folder) -> None:
    data = write_samples(tmp_path / "data")
    begun(folder, data)
    for kind in ("few-shot", "held-out"):
        spanish = data / "mtod" / f"es.{kind}.jsonl"
        (data / "mtod" / f"pt.{kind}.jsonl").write_bytes(spanish.read_bytes())
    kept = begun(folder, data, languages=("pt",))
    assert kept.experiment.languages == ("es", "pt")
    assert {"mtod/es.few-shot.jsonl", "mtod/pt.few-shot.jsonl"} <= set(kept.data)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"encoder": "embedded-en"}, "encoder is embedded there and embedded-en now"),
        ({"similarity": "other"}, "similarity is embedded there and other now"),
        ({"preset": "paper"}, "preset is tuned there and paper now"),
        ({"settings": {"meta": {"inner_steps": 4}}}, "meta.inner_steps is 1 there and 4 now"),
        ({"base_settings": {"epochs": 1}}, "base epochs is 3.0 there and 1.0 now"),
    ],
)
def test_other_settings_are_refused_and_named(
    data: Path, folder: Folder, other: dict[str, Any], told: str
) -> None:
    before = begun(folder, data)
    with pytest.raises(Conflict, match=told.replace(".", r"\.")):
        begun(folder, data, **other)
    assert folder.read(folder.experiment, Kept) == before


def test_other_data_is_refused_and_named(tmp_path: Path, folder: Folder) -> None:
    data = write_samples(tmp_path / "data")
    begun(folder, data)
    file = data / "mtod" / "es.held-out.jsonl"
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(Conflict, match=r"the SHA-256 of mtod/es\.held-out\.jsonl is .* there and .* now"):
        begun(folder, data)


def test_settings_said_otherwise_that_come_to_the_same_are_no_difference(data: Path, folder: Folder) -> None:
    begun(folder, data)
    begun(folder, data, settings={"meta": {"inner_steps": 1}, "tune": True})


def test_the_data_may_have_moved(data: Path, tmp_path: Path, folder: Folder) -> None:
    begun(folder, data)
    begun(folder, write_samples(tmp_path / "elsewhere"))
