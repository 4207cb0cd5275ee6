"""A store and archives that version 0.1.0 wrote, read by the present version.

`tests/fixtures/store_0_1_0` was written by the pipeline of 0.1.0 with a tiny encoder: a base and three
adaptations (all tensors, heads, LoRA) of utterances, a base and an adaptation of questions, their jobs, and
two archives. `expected.json` has what 0.1.0 predicted with them.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.registry.importing import import_archive
from core.contracts.jobs import AdaptJob, JobStatus
from core.contracts.qa_predictions import QuestionInput
from core.contracts.task_options import LabelOptions, NeighbourOptions
from core.contracts.values import MTOD, QA, Method, Trainable
from core.predictor import Predictor
from core.store import Store
from tests.repository import ROOT

FIXTURE = ROOT / "tests" / "fixtures" / "store_0_1_0"
EXPECTED: dict[str, Any] = json.loads((FIXTURE / "expected.json").read_text(encoding="utf-8"))
CHECKPOINTS: dict[str, str] = EXPECTED["checkpoints"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    shutil.copytree(FIXTURE / "store", tmp_path / "store")
    return Store(str(tmp_path / "store"))


def task_of(name: str) -> str:
    return QA if name.startswith("qa") else MTOD


@pytest.mark.parametrize("name", [name for name in CHECKPOINTS if task_of(name) == MTOD])
def test_checkpoint_of_utterances_predicts_as_before(store: Store, name: str) -> None:
    predictor = Predictor.open(store, store.checkpoints.manifest(MTOD, CHECKPOINTS[name]))
    predictions = [
        {
            "intent": answer.intents[0].name,
            "confidence": pytest.approx(answer.intents[0].confidence, abs=1e-4),
            "slots": [[slot.slot, slot.start, slot.end] for slot in answer.slots],
        }
        for answer in predictor.predict(EXPECTED["texts"])
    ]
    assert predictions == EXPECTED["predictions"][name]


@pytest.mark.parametrize("name", [name for name in CHECKPOINTS if task_of(name) == QA])
def test_checkpoint_of_questions_predicts_as_before(store: Store, name: str) -> None:
    predictor = Predictor.open(store, store.checkpoints.manifest(QA, CHECKPOINTS[name]))
    inputs = [
        QuestionInput(question="dónde vive Ana", context="Ana vive en Riga cerca del mar"),
        QuestionInput(question="dónde vive Luis", context="Luis vive en Bonn cerca del mar"),
    ]
    predictions = [
        [
            [answer.text, answer.start, answer.end, pytest.approx(answer.score, abs=1e-4)]
            for answer in row.answers
        ]
        for row in predictor.predict(inputs)
    ]
    assert predictions == EXPECTED["predictions"][name]


def test_every_checkpoint_is_whole(store: Store) -> None:
    listed = {
        (task, manifest.checkpoint_id) for task in (MTOD, QA) for manifest in store.checkpoints.list(task)
    }
    assert listed == {(task_of(name), checkpoint) for name, checkpoint in CHECKPOINTS.items()}
    for task, checkpoint in listed:
        assert store.checkpoints.fetch(task, checkpoint).is_dir()  # which compares every checksum


def test_jobs_are_read_with_their_options_and_reports(store: Store) -> None:
    records = store.jobs.list()
    assert {record.status for record in records} == {JobStatus.SUCCEEDED}
    assert {record.report.result.checkpoint_id for record in records if record.report} == set(
        CHECKPOINTS.values()
    )
    adaptations = {
        record.checkpoint_id: record.request for record in records if isinstance(record.request, AdaptJob)
    }
    lora = adaptations[CHECKPOINTS["lora"]]
    assert (lora.options, lora.hyperparameters.trainable) == (
        LabelOptions(extend_labels=True),
        Trainable.LORA,
    )
    heads = adaptations[CHECKPOINTS["ada-heads"]]
    assert (heads.options, heads.method) == (LabelOptions(), Method.X_METRA_ADA)
    assert adaptations[CHECKPOINTS["qa-ft"]].options == NeighbourOptions(similarity="embedded")


def test_datasets_keep_their_ids(store: Store) -> None:
    for folder in (FIXTURE / "store" / "datasets").iterdir():
        manifest = store.datasets.manifest(folder.name)
        examples = store.datasets.load(folder.name)
        again = store.datasets.put(examples, task=manifest.task, language=manifest.language)
        assert again == manifest


def test_deployments_keep_their_history(store: Store) -> None:
    history = store.deployments.history(MTOD, "es")
    assert sorted(deployment.number for deployment in history) == [1, 2, 3]
    live = store.deployments.live(MTOD, "es")
    assert live is not None
    assert live.checkpoint_id == CHECKPOINTS["lora"]


def test_archives_are_imported(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    for name in ("base", "ada-heads"):
        with (FIXTURE / "archives" / f"{name}.tar").open("rb") as archive:
            manifest, is_new = import_archive(archive, store)
        assert (manifest.checkpoint_id, is_new) == (CHECKPOINTS[name], True)
        assert Predictor.open(store, manifest).predict(EXPECTED["texts"])
