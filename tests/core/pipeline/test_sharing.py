"""Checkpoints that are loaded beside each other hold what they have in common once."""

import gc

import pytest
import torch

from core.checkpoints import SharedEncoders
from core.contracts.reports import CheckpointManifest
from core.contracts.values import Trainable
from core.predictor import Predictor
from core.store import Store
from tests.core.pipeline.test_trainable import PARTS, adapted
from tests.core.pipeline.workshop import MTOD, only_base
from tests.core.tiny import spanish, texts_of


def manifest(store: Store, trainable: Trainable, **changes: str) -> CheckpointManifest:
    return store.checkpoints.manifest(MTOD, adapted(store, trainable, **changes).checkpoint_id)


def held(*predictors: Predictor) -> int:
    return sum({address: size for one in predictors for address, size in one.memory.items()}.values())


@pytest.mark.parametrize("base_first", [True, False])
@pytest.mark.parametrize("trainable", PARTS)
def test_languages_upon_one_base_hold_its_encoder_once_and_answer_as_if_alone(
    trainable: Trainable, base_first: bool, store: Store
) -> None:
    base = store.checkpoints.manifest(MTOD, only_base(store))
    wanted = [base, manifest(store, trainable), manifest(store, trainable, language="th")]
    alone = [Predictor.open(store, one).predict(texts_of(spanish()), top_k=3) for one in wanted]
    shared = SharedEncoders()
    order = wanted if base_first else wanted[::-1]
    loaded = {one.checkpoint_id: Predictor.open(store, one, shared=shared) for one in order}
    together = [loaded[one.checkpoint_id].predict(texts_of(spanish()), top_k=3) for one in wanted]
    assert together == alone
    one_by_one = sum(held(one) for one in loaded.values())
    if trainable is Trainable.HEADS:
        assert held(*loaded.values()) < 0.5 * one_by_one
    else:
        assert held(*loaded.values()) < one_by_one


def test_what_nobody_holds_any_more_is_let_go(store: Store) -> None:
    base = store.checkpoints.manifest(MTOD, only_base(store))
    shared = SharedEncoders()
    loaded = Predictor.open(store, manifest(store, Trainable.LORA), shared=shared)
    assert shared.find(base) is not None
    del loaded
    gc.collect()
    assert shared.find(base) is None


def test_loading_a_language_leaves_its_base_as_it_was(store: Store) -> None:
    shared = SharedEncoders()
    base = Predictor.open(store, store.checkpoints.manifest(MTOD, only_base(store)), shared=shared)
    before = {name: one.clone() for name, one in base._learner.model.state_dict().items()}
    Predictor.open(store, manifest(store, Trainable.LORA), shared=shared)
    for name, one in base._learner.model.state_dict().items():
        assert torch.equal(one, before[name])
