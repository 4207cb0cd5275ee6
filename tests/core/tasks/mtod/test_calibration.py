"""Test the calibration of intents and slots: effects of temperatures, and how they are fitted."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from core.contracts.calibrations import Temperatures
from core.contracts.examples import MtodExample
from core.tasks.mtod import calibration
from core.tasks.mtod.calibration import IntentScores, SlotBatch, SlotScores, calibrate
from core.tasks.mtod.decoding import answer
from core.tasks.mtod.features import IGNORED_INTENT
from core.tasks.mtod.labels import unit_spans
from core.tasks.mtod.learner import MtodLearner
from tests.core.tasks.mtod.enumeration import distribution, make_batch, make_crf, rows
from tests.core.tiny import english, spanish, texts_of, tiny_learner

EVALUATION = [*english(), *spanish()]
TEMPERATURES = [0.5, 1.7, 10.0]


@pytest.fixture
def few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the minimum of examples to the number in these tests."""
    monkeypatch.setattr(calibration, "MIN_EXAMPLES", 10)


@pytest.fixture
def overconfident(bert_folder: Path) -> MtodLearner:
    """An untrained learner with too high confidences."""
    learner = tiny_learner(bert_folder, english(), seed=5)
    with torch.no_grad():
        learner.network.intent_head.weight.mul_(20.0)
        learner.network.slot_head.weight.mul_(8.0)
    return learner


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_tempered_crf_has_same_best_path(temperature: float) -> None:
    emissions, _, mask = make_batch((9, 30, 4, 17))
    for constrained in (False, True):
        crf = make_crf(constrained=constrained)
        tempered = crf.tempered(temperature)
        assert tempered.viterbi(emissions / temperature, mask) == crf.viterbi(emissions, mask)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_tempered_crf_raises_probabilities_to_power_of_inverse_temperature(
    temperature: float,
) -> None:
    crf, (emissions, tags, mask) = make_crf(), make_batch()
    tempered = crf.tempered(temperature)
    expected = 0.0
    for row, row_emissions in rows(emissions):
        plain = distribution(crf, row_emissions)
        scaled = {path: probability ** (1 / temperature) for path, probability in plain.items()}
        right = scaled[tuple(tags[row, : len(row_emissions)].tolist())]
        expected -= float(torch.tensor(right / sum(scaled.values())).log())
    result = 3 * tempered.negative_log_likelihood(emissions / temperature, tags, mask)
    assert result.item() == pytest.approx(expected)


def test_tempered_crf_does_not_change_original() -> None:
    crf = make_crf()
    before = crf.transitions.clone()
    assert crf.tempered(1.0) is crf
    crf.tempered(2.0)
    assert torch.equal(crf.transitions, before)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_answers_and_ranking_are_independent_of_temperature(
    overconfident: MtodLearner, temperature: float
) -> None:
    features = overconfident.featurizer.texts(texts_of(EVALUATION))
    plain = answer(overconfident, features, top_k=3)
    overconfident.temperatures = Temperatures(intents=temperature, slots=temperature)
    for prediction, other in zip(plain, answer(overconfident, features, top_k=3), strict=True):
        assert prediction.spans == other.spans
        assert [intent.name for intent in prediction.intents] == [intent.name for intent in other.intents]


def test_confidences_are_computed_from_divided_scores(overconfident: MtodLearner) -> None:
    overconfident.temperatures = Temperatures(intents=3.0, slots=2.0)
    has_slots = False
    for text in overconfident.featurizer.texts(texts_of(EVALUATION)):
        (prediction,) = answer(overconfident, [text], top_k=1)
        with torch.inference_mode():
            batch = overconfident.batch([text])
            logits, emissions = overconfident.network.scores(batch)
            crf = overconfident.network.crf
            (path,) = crf.viterbi(emissions, batch.unit_mask)
            spans = [(first, last, path[first:last]) for _, first, last in unit_spans(path)]
            expected = crf.tempered(2.0).span_confidences(emissions[0] / 2.0, spans).tolist()
        assert prediction.intents[0].confidence == pytest.approx(float((logits / 3.0).softmax(1).max()))
        assert [slot.confidence for slot in prediction.slots] == pytest.approx(expected)
        has_slots = has_slots or bool(expected)
    assert has_slots


def test_intent_loss_is_cross_entropy_without_unknown_intents() -> None:
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    scores = IntentScores(logits, torch.tensor([0, 2, IGNORED_INTENT, 1]))
    known = functional.cross_entropy(logits[[0, 1, 3]] / 2, torch.tensor([0, 2, 1]), reduction="sum")
    assert scores.loss(2.0) == pytest.approx(float(known))


def test_unknown_intent_counts_as_wrong_answer() -> None:
    scores = IntentScores(torch.eye(2, dtype=torch.float64), torch.tensor([0, IGNORED_INTENT]))
    assert scores.answers(1.0).correct.tolist() == [True, False]


def test_slot_loss_is_summed_over_batches() -> None:
    crf, (emissions, tags, mask) = make_crf(), make_batch()
    batch = SlotBatch(emissions, mask, tags, [[], [], []], [])
    once = crf.negative_log_likelihood(emissions, tags, mask).item()
    assert SlotScores(crf, [batch, batch]).loss(1.0) == pytest.approx(6 * once)


@pytest.mark.usefixtures("few_examples")
def test_calibrate_reduces_error_of_overconfident_model(overconfident: MtodLearner) -> None:
    result = calibrate(overconfident, EVALUATION, training=())
    assert min(result.temperatures.intents, result.temperatures.slots) > 1.5
    for calibrated in (result.intents, result.slots):
        assert calibrated.ece_before is not None
        assert calibrated.ece_after is not None
        assert calibrated.ece_after < calibrated.ece_before
        assert calibrated.examples == len(EVALUATION)
    assert result.intents.answers == len(EVALUATION)
    predictions = answer(overconfident, overconfident.featurizer.texts(texts_of(EVALUATION)), top_k=1)
    assert result.slots.answers == sum(len(prediction.slots) for prediction in predictions)


@pytest.mark.usefixtures("few_examples")
def test_calibrate_neither_changes_learner_nor_uses_its_temperatures(overconfident: MtodLearner) -> None:
    before = {name: tensor.clone() for name, tensor in overconfident.model.state_dict().items()}
    first = calibrate(overconfident, EVALUATION, training=())
    overconfident.temperatures = Temperatures(intents=5.0, slots=5.0)
    assert calibrate(overconfident, EVALUATION, training=()) == first
    assert all(torch.equal(before[name], tensor) for name, tensor in overconfident.model.state_dict().items())
    assert overconfident.temperatures.intents == 5.0


@pytest.mark.usefixtures("few_examples")
def test_calibrate_ignores_training_texts(overconfident: MtodLearner) -> None:
    result = calibrate(overconfident, EVALUATION, training=english())
    assert result == calibrate(overconfident, spanish(), training=())
    assert result.intents.examples == len(spanish())


@pytest.mark.usefixtures("few_examples")
def test_halves_share_no_text() -> None:
    halves = calibration._halves([*EVALUATION, *EVALUATION[:7]], [])
    first, second = ({example.text for example in half} for half in halves)
    assert not first & second
    assert sum(map(len, halves)) == len(EVALUATION) + 7


def test_halves_are_independent_of_order() -> None:
    def texts(evaluation: list[MtodExample]) -> list[set[str]]:
        return [{example.text for example in half} for half in calibration._halves(evaluation, [])]

    assert texts(EVALUATION) == texts(EVALUATION[::-1])


def test_halves_have_at_most_max_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "MAX_TEXTS", 12)
    assert [len(half) for half in calibration._halves(EVALUATION, [])] == [6, 6]


def test_temperatures_stay_one_when_examples_are_too_few(overconfident: MtodLearner) -> None:
    result = calibrate(overconfident, spanish(), training=())
    assert result.temperatures == Temperatures()
    assert result.intents.note == result.slots.note == "24 held-out utterances; calibration needs 50"
    assert (result.intents.ece_before, result.intents.ece_after) == (None, None)


def test_slot_temperature_stays_one_when_slots_are_too_few(overconfident: MtodLearner) -> None:
    without_slots = [example.model_copy(update={"slots": ()}) for example in EVALUATION]
    result = calibrate(overconfident, without_slots, training=())
    assert result.temperatures.intents > 1.0
    assert result.temperatures.slots == 1.0
    assert result.slots.note == "0 held-out slots; calibration needs 50"


def test_unknown_intents_do_not_count_towards_minimum(overconfident: MtodLearner) -> None:
    unknown = [example.model_copy(update={"intent": "new"}) for example in EVALUATION[:10]]
    result = calibrate(overconfident, [*unknown, *EVALUATION[10:]], training=())
    assert result.temperatures.intents == 1.0
    assert result.intents.note == "44 held-out utterances of intents it knows; calibration needs 50"


def test_calibrate_ignores_tokens_of_examples(overconfident: MtodLearner) -> None:
    with_tokens = [example.model_copy(update={"tokens": (example.text,)}) for example in EVALUATION]
    assert calibrate(overconfident, with_tokens, training=()) == calibrate(
        overconfident, EVALUATION, training=()
    )
