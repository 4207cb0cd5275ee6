from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.checkpoints import read_full, write_full
from core.errors import CorruptArtifact, InvalidInput
from core.predictor import Predictor
from core.tasks.mtod.decoding import answer
from core.tasks.mtod.learner import MtodLearner
from tests.core.test_checkpoints import manifest_of
from tests.core.tiny import english, spanish, texts_of


@pytest.fixture(scope="module")
def predictor(trained_learner: MtodLearner, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("checkpoint")
    manifest = manifest_of(trained_learner, write_full(trained_learner, folder))
    return Predictor(read_full(folder, manifest), manifest)


def test_predictor_matches_learner(predictor: Predictor, trained_learner: MtodLearner) -> None:
    texts = texts_of(english(), spanish())
    in_memory = answer(trained_learner, trained_learner.featurizer.texts(texts), top_k=3)
    assert predictor.predict(texts) == in_memory


def test_predictor_returns_memorised_labels(predictor: Predictor) -> None:
    for example, prediction in zip(english(), predictor.predict(texts_of(english())), strict=True):
        assert prediction.intents[0].name == example.intent
        assert prediction.spans == example.slots
        assert all(slot.value == example.text[slot.start : slot.end] for slot in prediction.slots)


def test_predict_is_deterministic(predictor: Predictor) -> None:
    assert predictor.predict(["wake me at two o'clock"]) == predictor.predict(["wake me at two o'clock"])


def test_prediction_is_independent_of_batch(predictor: Predictor) -> None:
    together = predictor.predict(texts_of(english(), spanish()))
    for text, batched in zip(texts_of(english(), spanish()), together, strict=True):
        (alone,) = predictor.predict([text])
        assert (alone.spans, alone.tokens) == (batched.spans, batched.tokens)
        assert alone.intents[0].name == batched.intents[0].name
        assert alone.intents[0].confidence == pytest.approx(batched.intents[0].confidence, abs=1e-5)


def test_predict_ranks_at_most_top_k_intents(predictor: Predictor) -> None:
    for count, expected in ((1, 1), (2, 2), (99, 3)):
        (prediction,) = predictor.predict(["will it rain in Lima"], top_k=count)
        confidences = [intent.confidence for intent in prediction.intents]
        assert len(confidences) == expected
        assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1.0, abs=1e-5)


def test_predict_returns_empty_list_without_texts(predictor: Predictor) -> None:
    assert predictor.predict([]) == []


def test_predict_raises_with_index_when_text_is_too_long(predictor: Predictor) -> None:
    with pytest.raises(InvalidInput) as error:
        predictor.predict(["short", "wake me " * 60])
    assert [fault.pointer for fault in error.value.faults] == ["/1"]


@given(st.lists(st.text(min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=4))
def test_predict_returns_valid_slots_for_any_text(predictor: Predictor, texts: list[str]) -> None:
    for text, prediction in zip(texts, predictor.predict(texts), strict=True):
        assert len(prediction.intents) == 3
        assert all(0 < slot.confidence <= 1 for slot in prediction.slots)
        assert all(slot.value == text[slot.start : slot.end] for slot in prediction.slots)
        assert all(a.end <= b.start for a, b in zip(prediction.slots, prediction.slots[1:], strict=False))


def test_memory_is_size_of_tensors(predictor: Predictor, trained_learner: MtodLearner) -> None:
    parameters = sum(parameter.numel() for parameter in trained_learner.model.parameters())
    assert 4 * parameters <= sum(predictor.memory.values()) < 4 * parameters + 10_000


def test_read_full_raises_when_tokenizer_was_changed(trained_learner: MtodLearner, tmp_path: Path) -> None:
    manifest = manifest_of(trained_learner, write_full(trained_learner, tmp_path))
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8").replace("Lima", "Roma"), encoding="utf-8")
    with pytest.raises(CorruptArtifact, match=r"tokenizer\.json is not the file that was written"):
        read_full(tmp_path, manifest)
