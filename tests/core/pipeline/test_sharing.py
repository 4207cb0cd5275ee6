"""Test that loaded checkpoints share encoders in memory."""

import gc

import pytest
import torch

from core.checkpoints import SharedEncoders
from core.contracts.reports import CheckpointManifest
from core.contracts.values import MTOD, Trainable
from core.predictor import Predictor
from core.store import Store
from tests.core.pipeline.small_jobs import only_base_id
from tests.core.pipeline.test_trainable import PARTS, adapted
from tests.core.tiny import spanish, texts_of


def manifest(store: Store, trainable: Trainable, **changes: str) -> CheckpointManifest:
    return store.checkpoints.manifest(MTOD, adapted(store, trainable, **changes).checkpoint_id)


def memory(*predictors: Predictor) -> int:
    return sum(
        {address: size for predictor in predictors for address, size in predictor.memory.items()}.values()
    )


@pytest.mark.parametrize("base_first", [True, False])
@pytest.mark.parametrize("trainable", PARTS)
def test_languages_on_one_base_share_encoder_and_predict_identically(
    trainable: Trainable, base_first: bool, store: Store
) -> None:
    base = store.checkpoints.manifest(MTOD, only_base_id(store))
    manifests = [base, manifest(store, trainable), manifest(store, trainable, language="th")]
    alone = [
        Predictor.open(store, checkpoint).predict(texts_of(spanish()), top_k=3) for checkpoint in manifests
    ]
    shared = SharedEncoders()
    order = manifests if base_first else manifests[::-1]
    loaded = {
        checkpoint.checkpoint_id: Predictor.open(store, checkpoint, shared=shared) for checkpoint in order
    }
    together = [
        loaded[checkpoint.checkpoint_id].predict(texts_of(spanish()), top_k=3) for checkpoint in manifests
    ]
    assert together == alone
    separate = sum(memory(predictor) for predictor in loaded.values())
    if trainable is Trainable.HEADS:
        assert memory(*loaded.values()) < 0.5 * separate
    else:
        assert memory(*loaded.values()) < separate


def test_unused_encoder_is_released(store: Store) -> None:
    base = store.checkpoints.manifest(MTOD, only_base_id(store))
    shared = SharedEncoders()
    loaded = Predictor.open(store, manifest(store, Trainable.LORA), shared=shared)
    assert shared.get(base) is not None
    del loaded
    gc.collect()
    assert shared.get(base) is None


def test_loading_delta_does_not_change_base(store: Store) -> None:
    shared = SharedEncoders()
    base = Predictor.open(store, store.checkpoints.manifest(MTOD, only_base_id(store)), shared=shared)
    before = {name: tensor.clone() for name, tensor in base._learner.model.state_dict().items()}
    Predictor.open(store, manifest(store, Trainable.LORA), shared=shared)
    for name, tensor in base._learner.model.state_dict().items():
        assert torch.equal(tensor, before[name])
