"""Test adaptations that train a part of the model and store only that."""

from typing import Any

import pytest

from core.checkpoints import open_checkpoint
from core.contracts.hyperparameters import Hyperparameters
from core.contracts.values import MTOD, Method, Trainable
from core.errors import CorruptArtifact
from core.pipeline import Outcome
from core.predictor import Predictor
from core.store import Store
from core.tasks.mtod.engine import MtodEngine
from core.tasks.mtod.learner import MtodLearner
from core.tasks.mtod.model import JointNlu
from tests.core.pipeline.small_jobs import QUICK, adapt_job, only_base_id, run_job
from tests.core.tiny import spanish, texts_of

PARTS = [Trainable.HEADS, Trainable.LORA]
FILES = {
    Trainable.HEADS: {"model.safetensors"},
    Trainable.LORA: {"model.safetensors", "adapter_model.safetensors", "adapter_config.json"},
}


def with_trainable(trainable: Trainable) -> Hyperparameters:
    return QUICK.model_copy(update={"trainable": trainable})


def adapted(store: Store, trainable: Trainable, **changes: Any) -> Outcome:
    job = adapt_job(store, only_base_id(store), hyperparameters=with_trainable(trainable), **changes)
    return run_job(job, store)


@pytest.mark.parametrize("method", [Method.FT, Method.FT_EN, Method.X_METRA_ADA])
@pytest.mark.parametrize("trainable", PARTS)
def test_delta_checkpoint_has_trained_part_only_and_same_scores(
    trainable: Trainable, method: Method, store: Store
) -> None:
    outcome = adapted(store, trainable, method=method)
    manifest = store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    base = store.checkpoints.manifest(MTOD, only_base_id(store))
    assert (manifest.trainable, set(manifest.files)) == (trainable, FILES[trainable])
    assert manifest.bytes < base.bytes / 2
    learner = open_checkpoint(store, manifest)
    assert isinstance(learner, MtodLearner)
    evaluation = [example for example in spanish() if example.text not in training_texts(outcome)]
    measured = MtodEngine().measure(learner, evaluation).evaluation
    assert len(evaluation) == outcome.report.data["evaluation"]
    assert measured.headline == pytest.approx(outcome.report.result.evaluation.headline)


def training_texts(outcome: Outcome) -> set[str]:
    from core.tasks.mtod.data_split import MtodDataSplitter

    split = MtodDataSplitter().split(spanish(), None, fraction=0.25, seed=outcome.report.seed)
    return set(texts_of(split.train))


@pytest.mark.parametrize("trainable", PARTS)
def test_base_is_not_changed(trainable: Trainable, store: Store) -> None:
    base = store.checkpoints.manifest(MTOD, only_base_id(store))
    before = Predictor.open(store, base).predict(texts_of(spanish()))
    adapted(store, trainable, method=Method.FT)
    assert Predictor.open(store, base).predict(texts_of(spanish())) == before


def test_adaptation_can_start_from_delta_checkpoint(store: Store) -> None:
    first = adapted(store, Trainable.LORA, method=Method.FT)
    job = adapt_job(
        store,
        first.checkpoint_id,
        language="pt",
        method=Method.FT,
        hyperparameters=with_trainable(Trainable.HEADS),
    )
    second = store.checkpoints.manifest(MTOD, run_job(job, store).checkpoint_id)
    assert second.base_id == first.checkpoint_id
    assert len(Predictor.open(store, second).predict(["pon una alarma"])) == 1


@pytest.mark.parametrize("trainable", PARTS)
def test_mono_checkpoint_is_full(trainable: Trainable, store: Store) -> None:
    outcome = adapted(store, trainable, method=Method.MONO)
    manifest = store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    assert (manifest.trainable, manifest.base_id) == (Trainable.ALL, None)
    assert "tokenizer.json" in manifest.files
    assert len(Predictor.open(store, manifest).predict(["pon una alarma"])) == 1


def test_encoder_runs_once_per_example_when_heads_are_trained(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_sizes: list[int] = []
    original = JointNlu.states

    def recording_states(network: JointNlu, batch: Any) -> Any:
        if network.training or not network.crf.transitions.requires_grad or batch.tags.any():
            batch_sizes.append(len(batch))
        return original(network, batch)

    monkeypatch.setattr(JointNlu, "states", recording_states)
    outcome = adapted(store, Trainable.HEADS, method=Method.X_METRA_ADA)
    data = outcome.report.data
    assert sum(batch_sizes) == data["train"] + data["source_pool"]


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json", "model.safetensors"])
def test_open_checkpoint_raises_when_file_of_delta_is_damaged(name: str, store: Store) -> None:
    outcome = adapted(store, Trainable.LORA, method=Method.FT)
    path = store.checkpoints.fetch(MTOD, outcome.checkpoint_id) / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptArtifact, match=name):
        open_checkpoint(store, store.checkpoints.manifest(MTOD, outcome.checkpoint_id))
