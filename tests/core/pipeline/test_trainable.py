"""Adaptations that change only a part, and keep only that."""

from typing import Any

import pytest

from core.checkpoints import open_checkpoint
from core.contracts.hyperparameters import Hyperparameters
from core.contracts.values import Method, Trainable
from core.errors import CorruptArtifact
from core.pipeline import Outcome
from core.predictor import Predictor
from core.store import Store
from core.tasks.mtod.engine import MtodTask
from core.tasks.mtod.learner import MtodLearner
from core.tasks.mtod.model import JointNlu
from tests.core.pipeline.workshop import MTOD, QUICK, adapt_job, done, only_base
from tests.core.tiny import spanish, texts_of

PARTS = [Trainable.HEADS, Trainable.LORA]
FILES = {
    Trainable.HEADS: {"model.safetensors"},
    Trainable.LORA: {"model.safetensors", "adapter_model.safetensors", "adapter_config.json"},
}


def only(trainable: Trainable) -> Hyperparameters:
    return QUICK.model_copy(update={"trainable": trainable})


def adapted(store: Store, trainable: Trainable, **changes: Any) -> Outcome:
    job = adapt_job(store, only_base(store), hyperparameters=only(trainable), **changes)
    return done(job, store)


@pytest.mark.parametrize("method", [Method.FT, Method.FT_EN, Method.X_METRA_ADA])
@pytest.mark.parametrize("trainable", PARTS)
def test_what_is_kept_is_only_what_was_added_and_scores_as_it_was_measured(
    trainable: Trainable, method: Method, store: Store
) -> None:
    outcome = adapted(store, trainable, method=method)
    manifest = store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    base = store.checkpoints.manifest(MTOD, only_base(store))
    assert (manifest.trainable, set(manifest.files)) == (trainable, FILES[trainable])
    assert manifest.bytes < base.bytes / 2
    learner = open_checkpoint(store, manifest)
    assert isinstance(learner, MtodLearner)
    held = [one for one in spanish() if one.text not in trained_on(outcome)]
    measured = MtodTask().measure(learner, held).evaluation
    assert len(held) == outcome.report.data["evaluation"]
    assert measured.headline == pytest.approx(outcome.report.result.evaluation.headline)


def trained_on(outcome: Outcome) -> set[str]:
    from core.tasks.mtod.data_split import MtodDataSplitter

    split = MtodDataSplitter().split(spanish(), None, fraction=0.25, seed=outcome.report.seed)
    return set(texts_of(split.train))


@pytest.mark.parametrize("trainable", PARTS)
def test_the_base_itself_is_not_changed(trainable: Trainable, store: Store) -> None:
    base = store.checkpoints.manifest(MTOD, only_base(store))
    before = Predictor.open(store, base).predict(texts_of(spanish()))
    adapted(store, trainable, method=Method.FT)
    assert Predictor.open(store, base).predict(texts_of(spanish())) == before


def test_a_language_can_be_added_to_an_addition(store: Store) -> None:
    first = adapted(store, Trainable.LORA, method=Method.FT)
    job = adapt_job(
        store, first.checkpoint_id, language="pt", method=Method.FT, hyperparameters=only(Trainable.HEADS)
    )
    second = store.checkpoints.manifest(MTOD, done(job, store).checkpoint_id)
    assert second.base_id == first.checkpoint_id
    assert len(Predictor.open(store, second).predict(["pon una alarma"])) == 1


@pytest.mark.parametrize("trainable", PARTS)
def test_what_has_no_base_is_kept_whole(trainable: Trainable, store: Store) -> None:
    outcome = adapted(store, trainable, method=Method.MONO)
    manifest = store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    assert (manifest.trainable, manifest.base_id) == (Trainable.ALL, None)
    assert "tokenizer.json" in manifest.files
    assert len(Predictor.open(store, manifest).predict(["pon una alarma"])) == 1


def test_with_heads_alone_the_encoder_reads_each_example_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    real = JointNlu.states

    def counting(network: JointNlu, batch: Any) -> Any:
        if network.training or not network.crf.transitions.requires_grad or batch.tags.any():
            read.append(len(batch))
        return real(network, batch)

    monkeypatch.setattr(JointNlu, "states", counting)
    outcome = adapted(store, Trainable.HEADS, method=Method.X_METRA_ADA)
    data = outcome.report.data
    assert sum(read) == data["train"] + data["source_pool"]


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json", "model.safetensors"])
def test_a_damaged_file_of_an_addition_is_told(name: str, store: Store) -> None:
    outcome = adapted(store, Trainable.LORA, method=Method.FT)
    path = store.checkpoints.fetch(MTOD, outcome.checkpoint_id) / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptArtifact, match=name):
        open_checkpoint(store, store.checkpoints.manifest(MTOD, outcome.checkpoint_id))
