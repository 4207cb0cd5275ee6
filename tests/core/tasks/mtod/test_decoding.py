"""Test decoding: order of texts, ranked intents, slots with offsets and confidences."""

from pathlib import Path

import pytest
import torch

from core.tasks.mtod import decoding
from core.tasks.mtod.decoding import MtodAnswer, answer
from core.tasks.mtod.labels import unit_spans
from core.tasks.mtod.learner import MtodLearner
from tests.core.tiny import english, spanish, texts_of, tiny_learner

TEXTS = [
    "remind me to call Carmen today and will it rain in New York",
    "wake",
    "👩‍👩‍👧 recuérdame llamar a Inés",
    "wake me at two o'clock",
    "\u200b",
    *texts_of(spanish()),
]


@pytest.fixture
def learner(bert_folder: Path) -> MtodLearner:
    """An untrained learner with slot scores so far apart that it predicts slots of every shape."""
    learner = tiny_learner(bert_folder, english(), seed=5)
    with torch.no_grad():
        learner.network.slot_head.weight.mul_(8.0)
    return learner


def answers_to(learner: MtodLearner, texts: list[str], top_k: int = 3) -> list[MtodAnswer]:
    return answer(learner, learner.featurizer.texts(texts), top_k=top_k)


def confidences(prediction: MtodAnswer) -> list[float]:
    return [intent.confidence for intent in prediction.intents] + [
        slot.confidence for slot in prediction.slots
    ]


def test_answer_sets_evaluation_mode(learner: MtodLearner) -> None:
    learner.model.train()

    first = answers_to(learner, TEXTS)

    assert not learner.model.training
    assert answers_to(learner, TEXTS) == first


def test_answer_returns_empty_list_without_texts(learner: MtodLearner) -> None:
    assert answers_to(learner, []) == []


def test_answers_are_in_order_of_texts_of_any_length(
    learner: MtodLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [answers_to(learner, [text])[0] for text in TEXTS]
    monkeypatch.setattr(decoding, "BATCH_TOKENS", 40)

    together = answers_to(learner, TEXTS)

    assert [prediction.spans for prediction in together] == [prediction.spans for prediction in alone]
    assert [prediction.tokens for prediction in together] == [prediction.tokens for prediction in alone]
    for prediction, other in zip(together, alone, strict=True):
        probabilities = confidences(prediction)
        assert probabilities == pytest.approx(confidences(other), abs=1e-4)


def test_fixture_predicts_slots_in_most_texts(learner: MtodLearner) -> None:
    counts = [len(prediction.slots) for prediction in answers_to(learner, TEXTS)]

    assert sum(count > 0 for count in counts) > len(TEXTS) / 2
    assert max(counts) > 1


def test_intents_are_sorted_by_confidence_and_sum_to_one(learner: MtodLearner) -> None:
    (prediction,) = answers_to(learner, ["wake me"], top_k=99)

    probabilities = [intent.confidence for intent in prediction.intents]
    assert sorted(intent.name for intent in prediction.intents) == sorted(learner.labels.intents)
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1.0)


@pytest.mark.parametrize("top_k", [1, 2])
def test_answer_ranks_top_k_intents(learner: MtodLearner, top_k: int) -> None:
    assert all(len(prediction.intents) == top_k for prediction in answers_to(learner, TEXTS, top_k=top_k))


def test_slots_have_offsets_and_values_of_text(learner: MtodLearner) -> None:
    for text, prediction in zip(TEXTS, answers_to(learner, TEXTS), strict=True):
        assert all(text[slot.start : slot.end] == slot.value for slot in prediction.slots)
        assert [slot.start for slot in prediction.slots] == sorted(slot.start for slot in prediction.slots)
        assert [(span.slot, span.start, span.end) for span in prediction.spans] == [
            (slot.slot, slot.start, slot.end) for slot in prediction.slots
        ]


def test_slots_and_confidences_match_crf(learner: MtodLearner) -> None:
    features = learner.featurizer.texts(TEXTS)
    crf = learner.network.crf

    for text, prediction in zip(features, answer(learner, features, top_k=1), strict=True):
        with torch.no_grad():
            batch = learner.batch([text])
            emissions = learner.network.scores(batch)[1]
            (path,) = crf.viterbi(emissions, batch.unit_mask)
            spans = unit_spans(path)
            tagged = [(first, last, path[first:last]) for _, first, last in spans]
            probabilities = crf.span_confidences(emissions[0], tagged).tolist() if tagged else []
        assert [slot.slot for slot in prediction.slots] == [learner.labels.slots[slot] for slot, *_ in spans]
        assert [slot.confidence for slot in prediction.slots] == pytest.approx(probabilities, abs=1e-4)
        assert all(0.0 <= slot.confidence <= 1.0 for slot in prediction.slots)


def test_answer_without_slot_types_has_intents_only(bert_folder: Path) -> None:
    bare = [example.model_copy(update={"slots": ()}) for example in english()]
    learner = tiny_learner(bert_folder, bare)

    (prediction,) = answers_to(learner, ["wake me at two"])

    assert prediction.slots == ()
    assert len(prediction.intents) == 3


def test_answer_counts_special_tokens(learner: MtodLearner) -> None:
    (prediction,) = answers_to(learner, ["wake me"])

    assert prediction.tokens == 4
