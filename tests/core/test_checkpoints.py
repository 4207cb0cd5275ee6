import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from core.checkpoints import read_full, write_full
from core.contracts.calibrations import Temperatures
from core.contracts.examples import MtodExample
from core.contracts.reports import CheckpointManifest
from core.contracts.values import MTOD, now
from core.contracts.weights import WEIGHTS
from core.encoders.loading import Pooling
from core.errors import CorruptArtifact
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.learner import MtodLearner
from tests.core.tiny import (
    Kind,
    english,
    read_mtod,
    spanish,
    texts_of,
    tiny_encoder_folder,
    tiny_learner,
    utterance,
)


@pytest.fixture
def learner(bert_folder: Path) -> MtodLearner:
    return tiny_learner(bert_folder, english())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    return folder


def manifest_of(learner: MtodLearner, files: dict[str, str], **changes: Any) -> CheckpointManifest:
    fields: dict[str, Any] = {
        "checkpoint_id": "made-here",
        "task": MTOD,
        "method": "ft",
        "languages": ("en",),
        "dataset_ids": {},
        "encoder": learner.encoder.name,
        "intents": learner.labels.intents,
        "slots": learner.labels.slots,
        "files": files,
        "bytes": 1,
        "created_at": now(),
    }
    return CheckpointManifest.model_validate(fields | changes)


@pytest.mark.parametrize("kind", ["bert", "xlm-r", "distilbert", "roberta"])
def test_read_full_restores_learner_of_every_encoder(kind: Kind, tmp_path: Path, folder: Path) -> None:
    encoder = tiny_encoder_folder(tmp_path, kind, texts_of(english(), spanish()))
    learner = tiny_learner(encoder, english())
    loaded = read_mtod(folder, manifest_of(learner, write_full(learner, folder)))
    before, after = learner.model.state_dict(), loaded.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert loaded.features(spanish()) == learner.features(spanish())
    assert (loaded.labels, loaded.encoder.max_tokens) == (learner.labels, learner.encoder.max_tokens)


def test_read_full_restores_temperatures(learner: MtodLearner, folder: Path) -> None:
    temperatures = Temperatures(intents=2.5, slots=1.25)
    manifest = manifest_of(learner, write_full(learner, folder), temperatures=temperatures)
    loaded = read_mtod(folder, CheckpointManifest.model_validate_json(manifest.model_dump_json()))
    assert loaded.temperatures == temperatures


def test_read_full_uses_temperature_one_when_manifest_has_none(learner: MtodLearner, folder: Path) -> None:
    older = manifest_of(learner, write_full(learner, folder)).model_dump(mode="json")
    del older["temperatures"]
    loaded = read_mtod(folder, CheckpointManifest.model_validate(older))
    assert loaded.temperatures == Temperatures(intents=1.0, slots=1.0)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_manifest_rejects_invalid_temperature(learner: MtodLearner, temperature: float) -> None:
    with pytest.raises(ValidationError, match="temperatures"):
        manifest_of(learner, {}, temperatures={"intents": temperature})


def test_read_full_restores_pooling(tmp_path: Path, folder: Path) -> None:
    encoder = tiny_encoder_folder(tmp_path, "bert", texts_of(english()))
    (encoder / "1_Pooling").mkdir()
    (encoder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "mean"}')
    learner = tiny_learner(encoder, english())
    loaded = read_mtod(folder, manifest_of(learner, write_full(learner, folder)))
    assert learner.network.pooling is loaded.network.pooling is Pooling.MEAN


def test_read_full_restores_extended_labels(learner: MtodLearner, folder: Path) -> None:
    novel: list[MtodExample] = [utterance("play {game}", "play_game", game="go")]
    learner.extend_labels(LabelSet.of(novel))
    loaded = read_mtod(folder, manifest_of(learner, write_full(learner, folder)))
    assert loaded.labels == learner.labels
    assert loaded.features(novel) == learner.features(novel)


def test_write_full_writes_safetensors_and_json_only(learner: MtodLearner, folder: Path) -> None:
    files = write_full(learner, folder)
    assert files.keys() == {path.name for path in folder.iterdir()}
    assert {Path(name).suffix for name in files} == {".safetensors", ".json"}
    for name in files:
        if name.endswith(".json"):
            json.loads((folder / name).read_text(encoding="utf-8"))


def test_write_full_omits_folder_of_encoder(learner: MtodLearner, folder: Path, bert_folder: Path) -> None:
    write_full(learner, folder)
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.json")]
    assert not [text for text in texts if str(bert_folder) in text]


def test_write_full_is_deterministic(learner: MtodLearner, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert write_full(learner, tmp_path / "one") == write_full(learner, tmp_path / "two")


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "tokenizer.json"])
def test_read_full_raises_when_file_was_changed(name: str, learner: MtodLearner, folder: Path) -> None:
    manifest = manifest_of(learner, write_full(learner, folder))
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(CorruptArtifact, match=f"made-here: {name} is not the file that was written"):
        read_full(folder, manifest)


def test_read_full_raises_when_file_is_missing(learner: MtodLearner, folder: Path) -> None:
    manifest = manifest_of(learner, write_full(learner, folder))
    (folder / WEIGHTS).unlink()
    with pytest.raises(CorruptArtifact, match=f"made-here: {WEIGHTS} is missing"):
        read_full(folder, manifest)


@pytest.mark.parametrize(
    "changes",
    [
        {"intents": ("only_one",)},
        {"slots": ("one", "two", "three", "four", "five")},
        {"slots": ("same", "same", "other")},
        {"slots": ()},
        {"intents": ("set_alarm", "find_weather", "set_reminder")},
    ],
)
def test_read_full_raises_when_labels_differ_from_weights(
    changes: dict[str, Any], learner: MtodLearner, folder: Path
) -> None:
    manifest = manifest_of(learner, write_full(learner, folder), **changes)
    with pytest.raises(CorruptArtifact, match="made-here: the labels are not those of its weights"):
        read_full(folder, manifest)


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_read_full_raises_when_manifest_lacks_required_file(
    name: str, learner: MtodLearner, folder: Path
) -> None:
    files = write_full(learner, folder)
    del files[name]
    with pytest.raises(CorruptArtifact, match=f"made-here: the manifest does not name {name}"):
        read_full(folder, manifest_of(learner, files))
