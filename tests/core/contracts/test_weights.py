"""Names and rows of the heads in a file of weights."""

import json
from pathlib import Path

from core.contracts.weights import head_rows, labels_metadata
from core.encoders.loading import load_encoder
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.learner import MtodLearner
from tests.core.tiny import english


def test_head_rows_are_those_of_the_model(bert_folder: Path) -> None:
    learner = MtodLearner(load_encoder(str(bert_folder)), LabelSet.of(english()))
    state = learner.model.state_dict()
    rows = head_rows(learner.intents, learner.slots)

    assert len(learner.slots) > 1
    assert {name: state[name].shape[0] for name in rows} == rows
    assert set(rows) == {name for name in state if name.endswith("head.weight")}


def test_head_rows_are_empty_without_labels() -> None:
    assert head_rows([], []) == {}


def test_labels_metadata_keeps_the_order() -> None:
    assert json.loads(labels_metadata(["b", "a"], ["z"])["labels"]) == {"intents": ["b", "a"], "slots": ["z"]}
