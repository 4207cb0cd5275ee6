import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from core.checkpoints import read_whole, write_whole
from core.contracts.calibrations import Temperatures
from core.contracts.examples import MtodExample
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName, now
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
        "task": TaskName.MTOD,
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
def test_what_is_read_is_what_was_written_whatever_the_encoder(
    kind: Kind, tmp_path: Path, folder: Path
) -> None:
    encoder = tiny_encoder_folder(tmp_path, kind, texts_of(english(), spanish()))
    learner = tiny_learner(encoder, english())
    read = read_mtod(folder, manifest_of(learner, write_whole(learner, folder)))
    before, after = learner.model.state_dict(), read.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert read.features(spanish()) == learner.features(spanish())
    assert (read.labels, read.encoder.max_tokens) == (learner.labels, learner.encoder.max_tokens)


def test_a_checkpoint_is_as_sure_as_its_temperatures_say(learner: MtodLearner, folder: Path) -> None:
    temperatures = Temperatures(intents=2.5, slots=1.25)
    manifest = manifest_of(learner, write_whole(learner, folder), temperatures=temperatures)
    read = read_mtod(folder, CheckpointManifest.model_validate_json(manifest.model_dump_json()))
    assert read.temperatures == temperatures


def test_a_checkpoint_from_before_there_were_temperatures_is_as_sure_as_it_was(
    learner: MtodLearner, folder: Path
) -> None:
    older = manifest_of(learner, write_whole(learner, folder)).model_dump(mode="json")
    del older["temperatures"]
    read = read_mtod(folder, CheckpointManifest.model_validate(older))
    assert read.temperatures == Temperatures(intents=1.0, slots=1.0)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_a_temperature_that_nothing_can_be_divided_by_is_refused(
    learner: MtodLearner, temperature: float
) -> None:
    with pytest.raises(ValidationError, match="temperatures"):
        manifest_of(learner, {}, temperatures={"intents": temperature})


def test_a_checkpoint_pools_as_its_encoder_did(tmp_path: Path, folder: Path) -> None:
    encoder = tiny_encoder_folder(tmp_path, "bert", texts_of(english()))
    (encoder / "1_Pooling").mkdir()
    (encoder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "mean"}')
    learner = tiny_learner(encoder, english())
    read = read_mtod(folder, manifest_of(learner, write_whole(learner, folder)))
    assert learner.network.pooling is read.network.pooling is Pooling.MEAN


def test_a_checkpoint_with_labels_that_came_later_can_be_read(learner: MtodLearner, folder: Path) -> None:
    novel: list[MtodExample] = [utterance("play {game}", "play_game", game="go")]
    learner.extend_labels(LabelSet.of(novel))
    read = read_mtod(folder, manifest_of(learner, write_whole(learner, folder)))
    assert read.labels == learner.labels
    assert read.features(novel) == learner.features(novel)


def test_the_files_are_weights_and_json_and_nothing_that_runs(learner: MtodLearner, folder: Path) -> None:
    files = write_whole(learner, folder)
    assert files.keys() == {path.name for path in folder.iterdir()}
    assert {Path(name).suffix for name in files} == {".safetensors", ".json"}
    for name in files:
        if name.endswith(".json"):
            json.loads((folder / name).read_text(encoding="utf-8"))


def test_a_checkpoint_does_not_tell_where_the_encoder_lay(
    learner: MtodLearner, folder: Path, bert_folder: Path
) -> None:
    write_whole(learner, folder)
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.json")]
    assert not [text for text in texts if str(bert_folder) in text]


def test_the_same_learner_is_written_to_the_same_bytes(learner: MtodLearner, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert write_whole(learner, tmp_path / "one") == write_whole(learner, tmp_path / "two")


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "tokenizer.json"])
def test_a_file_that_was_changed_is_told(name: str, learner: MtodLearner, folder: Path) -> None:
    manifest = manifest_of(learner, write_whole(learner, folder))
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(CorruptArtifact, match=f"made-here: {name} is not the file that was written"):
        read_whole(folder, manifest)


def test_a_file_that_is_gone_is_told(learner: MtodLearner, folder: Path) -> None:
    manifest = manifest_of(learner, write_whole(learner, folder))
    (folder / WEIGHTS).unlink()
    with pytest.raises(CorruptArtifact, match=f"made-here: {WEIGHTS} is missing"):
        read_whole(folder, manifest)


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
def test_labels_that_do_not_fit_the_weights_are_told(
    changes: dict[str, Any], learner: MtodLearner, folder: Path
) -> None:
    manifest = manifest_of(learner, write_whole(learner, folder), **changes)
    with pytest.raises(CorruptArtifact, match="made-here: the labels are not those of its weights"):
        read_whole(folder, manifest)


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_a_manifest_that_does_not_vouch_for_what_is_loaded_is_not_believed(
    name: str, learner: MtodLearner, folder: Path
) -> None:
    files = write_whole(learner, folder)
    del files[name]
    with pytest.raises(CorruptArtifact, match=f"made-here: the manifest does not name {name}"):
        read_whole(folder, manifest_of(learner, files))
