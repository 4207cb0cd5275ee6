from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.checkpoints import read_whole, write_whole
from core.errors import CorruptArtifact, InvalidInput
from core.predictor import Predictor
from core.tasks.mtod.decoding import answer
from core.tasks.mtod.learner import MtodLearner
from tests.core.test_checkpoints import manifest_of
from tests.core.tiny import english, spanish, texts_of


@pytest.fixture(scope="module")
def predictor(taught: MtodLearner, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("checkpoint")
    manifest = manifest_of(taught, write_whole(taught, folder))
    return Predictor(read_whole(folder, manifest), manifest)


def test_a_loaded_checkpoint_answers_exactly_as_the_learner_did(
    predictor: Predictor, taught: MtodLearner
) -> None:
    texts = texts_of(english(), spanish())
    in_memory = answer(taught, taught.featurizer.texts(texts), top_k=3)
    assert predictor.predict(texts) == in_memory


def test_what_was_learnt_is_what_is_answered(predictor: Predictor) -> None:
    for example, found in zip(english(), predictor.predict(texts_of(english())), strict=True):
        assert found.intents[0].name == example.intent
        assert found.spans == example.slots
        assert all(slot.value == example.text[slot.start : slot.end] for slot in found.slots)


def test_the_same_question_has_the_same_answer_each_time(predictor: Predictor) -> None:
    assert predictor.predict(["wake me at two o'clock"]) == predictor.predict(["wake me at two o'clock"])


def test_an_answer_does_not_depend_on_the_company_it_is_asked_in(predictor: Predictor) -> None:
    together = predictor.predict(texts_of(english(), spanish()))
    for text, among in zip(texts_of(english(), spanish()), together, strict=True):
        (alone,) = predictor.predict([text])
        assert (alone.spans, alone.tokens) == (among.spans, among.tokens)
        assert alone.intents[0].name == among.intents[0].name
        assert alone.intents[0].confidence == pytest.approx(among.intents[0].confidence, abs=1e-5)


def test_intents_are_ranked_and_no_more_than_were_asked_for(predictor: Predictor) -> None:
    for count, expected in ((1, 1), (2, 2), (99, 3)):
        (found,) = predictor.predict(["will it rain in Lima"], top_k=count)
        confidences = [intent.confidence for intent in found.intents]
        assert len(confidences) == expected
        assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1.0, abs=1e-5)


def test_no_texts_have_no_answers(predictor: Predictor) -> None:
    assert predictor.predict([]) == []


def test_a_text_longer_than_the_window_is_told_by_its_place(predictor: Predictor) -> None:
    with pytest.raises(InvalidInput) as caught:
        predictor.predict(["short", "wake me " * 60])
    assert [fault.pointer for fault in caught.value.faults] == ["/1"]


@given(st.lists(st.text(min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=4))
def test_any_text_has_an_answer_with_slots_that_are_where_they_say(
    predictor: Predictor, texts: list[str]
) -> None:
    for text, found in zip(texts, predictor.predict(texts), strict=True):
        assert len(found.intents) == 3
        assert all(0 < slot.confidence <= 1 for slot in found.slots)
        assert all(slot.value == text[slot.start : slot.end] for slot in found.slots)
        assert all(a.end <= b.start for a, b in zip(found.slots, found.slots[1:], strict=False))


def test_its_size_is_that_of_its_tensors(predictor: Predictor, taught: MtodLearner) -> None:
    parameters = sum(one.numel() for one in taught.model.parameters())
    assert 4 * parameters <= sum(predictor.memory.values()) < 4 * parameters + 10_000


def test_a_tampered_checkpoint_answers_nothing(taught: MtodLearner, tmp_path: Path) -> None:
    manifest = manifest_of(taught, write_whole(taught, tmp_path))
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8").replace("Lima", "Roma"), encoding="utf-8")
    with pytest.raises(CorruptArtifact, match=r"tokenizer\.json is not the file that was written"):
        read_whole(tmp_path, manifest)
