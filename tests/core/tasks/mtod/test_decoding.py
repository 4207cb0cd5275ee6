"""From scores to answers: the order of the texts, ranked intents, slots with offsets and confidences."""

from pathlib import Path

import pytest
import torch

from core.tasks.mtod import decoding
from core.tasks.mtod.decoding import Answer, answer
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
    """Untrained, with slot scores so far apart that it finds slots of every shape."""
    made = tiny_learner(bert_folder, english(), seed=5)
    with torch.no_grad():
        made.network.slot_head.weight.mul_(8.0)
    return made


def answers_to(learner: MtodLearner, texts: list[str], top_k: int = 3) -> list[Answer]:
    return answer(learner, learner.featurizer.texts(texts), top_k=top_k)


def confidences(one: Answer) -> list[float]:
    return [intent.confidence for intent in one.intents] + [slot.confidence for slot in one.slots]


def test_the_model_is_put_in_evaluation_mode_first(learner: MtodLearner) -> None:
    learner.model.train()

    first = answers_to(learner, TEXTS)

    assert not learner.model.training
    assert answers_to(learner, TEXTS) == first


def test_no_texts_have_no_answers(learner: MtodLearner) -> None:
    assert answers_to(learner, []) == []


def test_answers_keep_the_order_of_texts_of_any_length(
    learner: MtodLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [answers_to(learner, [text])[0] for text in TEXTS]
    monkeypatch.setattr(decoding, "BATCH_TOKENS", 40)

    together = answers_to(learner, TEXTS)

    assert [one.spans for one in together] == [one.spans for one in alone]
    assert [one.tokens for one in together] == [one.tokens for one in alone]
    for one, other in zip(together, alone, strict=True):
        sure = confidences(one)
        assert sure == pytest.approx(confidences(other), abs=1e-4)


def test_the_test_itself_sees_slots_in_most_texts(learner: MtodLearner) -> None:
    counts = [len(one.slots) for one in answers_to(learner, TEXTS)]

    assert sum(count > 0 for count in counts) > len(TEXTS) / 2
    assert max(counts) > 1


def test_intents_are_ranked_and_share_one_whole(learner: MtodLearner) -> None:
    (one,) = answers_to(learner, ["wake me"], top_k=99)

    sure = [intent.confidence for intent in one.intents]
    assert sorted(intent.name for intent in one.intents) == sorted(learner.labels.intents)
    assert sure == sorted(sure, reverse=True)
    assert sum(sure) == pytest.approx(1.0)


@pytest.mark.parametrize("top_k", [1, 2])
def test_no_more_intents_are_told_than_asked_for(learner: MtodLearner, top_k: int) -> None:
    assert all(len(one.intents) == top_k for one in answers_to(learner, TEXTS, top_k=top_k))


def test_a_slot_is_its_place_in_the_text_and_its_value(learner: MtodLearner) -> None:
    for text, one in zip(TEXTS, answers_to(learner, TEXTS), strict=True):
        assert all(text[slot.start : slot.end] == slot.value for slot in one.slots)
        assert [slot.start for slot in one.slots] == sorted(slot.start for slot in one.slots)
        assert [(span.slot, span.start, span.end) for span in one.spans] == [
            (slot.slot, slot.start, slot.end) for slot in one.slots
        ]


def test_slots_and_their_confidences_are_those_of_the_crf(learner: MtodLearner) -> None:
    features = learner.featurizer.texts(TEXTS)
    crf = learner.network.crf

    for one, told in zip(features, answer(learner, features, top_k=1), strict=True):
        with torch.no_grad():
            batch = learner.batch([one])
            emissions = learner.network.scores(batch)[1]
            (path,) = crf.viterbi(emissions, batch.unit_mask)
            found = unit_spans(path)
            tagged = [(first, last, path[first:last]) for _, first, last in found]
            sure = crf.span_confidences(emissions[0], tagged).tolist() if tagged else []
        assert [slot.slot for slot in told.slots] == [learner.labels.slots[slot] for slot, *_ in found]
        assert [slot.confidence for slot in told.slots] == pytest.approx(sure, abs=1e-4)
        assert all(0.0 <= slot.confidence <= 1.0 for slot in told.slots)


def test_a_model_without_slot_types_answers_with_intents_only(bert_folder: Path) -> None:
    bare = [example.model_copy(update={"slots": ()}) for example in english()]
    learner = tiny_learner(bert_folder, bare)

    (one,) = answers_to(learner, ["wake me at two"])

    assert one.slots == ()
    assert len(one.intents) == 3


def test_the_tokens_of_an_answer_are_counted_with_the_special_ones(learner: MtodLearner) -> None:
    (one,) = answers_to(learner, ["wake me"])

    assert one.tokens == 4
