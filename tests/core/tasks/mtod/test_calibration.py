"""Confidences of intents and slots: what a temperature changes, what it leaves, and what it is fitted on."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from core.contracts.calibrations import Temperatures
from core.contracts.examples import MtodExample
from core.tasks.mtod import calibration
from core.tasks.mtod.calibration import IntentScores, SlotScores, Tagging, calibrate
from core.tasks.mtod.decoding import answer
from core.tasks.mtod.features import IGNORED_INTENT
from core.tasks.mtod.labels import unit_spans
from core.tasks.mtod.learner import MtodLearner
from tests.core.tasks.mtod.enumeration import distribution, make_batch, make_crf, rows
from tests.core.tiny import english, spanish, texts_of, tiny_learner

HELD = [*english(), *spanish()]
TEMPERATURES = [0.5, 1.7, 10.0]


@pytest.fixture
def fewest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the few examples there are be enough."""
    monkeypatch.setattr(calibration, "FEWEST", 10)


@pytest.fixture
def doubtful(bert_folder: Path) -> MtodLearner:
    """Untrained, and surer than it should be."""
    learner = tiny_learner(bert_folder, english(), seed=5)
    with torch.no_grad():
        learner.network.intent_head.weight.mul_(20.0)
        learner.network.slot_head.weight.mul_(8.0)
    return learner


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_a_temperature_never_changes_the_best_path(temperature: float) -> None:
    emissions, _, mask = make_batch((9, 30, 4, 17))
    for constrained in (False, True):
        crf = make_crf(constrained=constrained)
        tempered = crf.tempered(temperature)
        assert tempered.viterbi(emissions / temperature, mask) == crf.viterbi(emissions, mask)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_a_tempered_crf_gives_sequences_their_probabilities_to_the_power_of_one_over_t(
    temperature: float,
) -> None:
    crf, (emissions, tags, mask) = make_crf(), make_batch()
    tempered = crf.tempered(temperature)
    expected = 0.0
    for row, own in rows(emissions):
        plain = distribution(crf, own)
        raised = {path: chance ** (1 / temperature) for path, chance in plain.items()}
        right = raised[tuple(tags[row, : len(own)].tolist())]
        expected -= float(torch.tensor(right / sum(raised.values())).log())
    found = 3 * tempered.negative_log_likelihood(emissions / temperature, tags, mask)
    assert found.item() == pytest.approx(expected)


def test_a_tempered_crf_is_another_one() -> None:
    crf = make_crf()
    before = crf.transitions.clone()
    assert crf.tempered(1.0) is crf
    crf.tempered(2.0)
    assert torch.equal(crf.transitions, before)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_answers_and_their_order_are_the_same_at_every_temperature(
    doubtful: MtodLearner, temperature: float
) -> None:
    features = doubtful.featurizer.texts(texts_of(HELD))
    plain = answer(doubtful, features, top_k=3)
    doubtful.temperatures = Temperatures(intents=temperature, slots=temperature)
    for one, other in zip(plain, answer(doubtful, features, top_k=3), strict=True):
        assert one.spans == other.spans
        assert [intent.name for intent in one.intents] == [intent.name for intent in other.intents]


def test_confidences_are_those_of_scores_that_were_divided(doubtful: MtodLearner) -> None:
    doubtful.temperatures = Temperatures(intents=3.0, slots=2.0)
    told_anything = False
    for one in doubtful.featurizer.texts(texts_of(HELD)):
        (told,) = answer(doubtful, [one], top_k=1)
        with torch.inference_mode():
            batch = doubtful.batch([one])
            logits, emissions = doubtful.network.scores(batch)
            crf = doubtful.network.crf
            (path,) = crf.viterbi(emissions, batch.unit_mask)
            spans = [(first, last, path[first:last]) for _, first, last in unit_spans(path)]
            sure = crf.tempered(2.0).span_confidences(emissions[0] / 2.0, spans).tolist()
        assert told.intents[0].confidence == pytest.approx(float((logits / 3.0).softmax(1).max()))
        assert [slot.confidence for slot in told.slots] == pytest.approx(sure)
        told_anything = told_anything or bool(sure)
    assert told_anything


def test_the_loss_of_intents_is_their_cross_entropy_without_those_it_does_not_know() -> None:
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    scores = IntentScores(logits, torch.tensor([0, 2, IGNORED_INTENT, 1]))
    known = functional.cross_entropy(logits[[0, 1, 3]] / 2, torch.tensor([0, 2, 1]), reduction="sum")
    assert scores.loss(2.0) == pytest.approx(float(known))


def test_an_intent_it_does_not_know_is_a_wrong_answer() -> None:
    scores = IntentScores(torch.eye(2, dtype=torch.float64), torch.tensor([0, IGNORED_INTENT]))
    assert scores.judged(1.0).right.tolist() == [True, False]


def test_the_loss_of_slots_is_summed_over_batches() -> None:
    crf, (emissions, tags, mask) = make_crf(), make_batch()
    batch = Tagging(emissions, mask, tags, [[], [], []], [])
    once = crf.negative_log_likelihood(emissions, tags, mask).item()
    assert SlotScores(crf, [batch, batch]).loss(1.0) == pytest.approx(6 * once)


@pytest.mark.usefixtures("fewest")
def test_a_model_that_is_too_sure_is_told_so_and_mended(doubtful: MtodLearner) -> None:
    found = calibrate(doubtful, HELD, learnt=())
    assert min(found.temperatures.intents, found.temperatures.slots) > 1.5
    for one in (found.intents, found.slots):
        assert one.ece_before is not None
        assert one.ece_after is not None
        assert one.ece_after < one.ece_before
        assert one.examples == len(HELD)
    assert found.intents.answers == len(HELD)
    told = answer(doubtful, doubtful.featurizer.texts(texts_of(HELD)), top_k=1)
    assert found.slots.answers == sum(len(one.slots) for one in told)


@pytest.mark.usefixtures("fewest")
def test_calibrating_changes_nothing_and_does_not_heed_earlier_temperatures(doubtful: MtodLearner) -> None:
    before = {name: one.clone() for name, one in doubtful.model.state_dict().items()}
    first = calibrate(doubtful, HELD, learnt=())
    doubtful.temperatures = Temperatures(intents=5.0, slots=5.0)
    assert calibrate(doubtful, HELD, learnt=()) == first
    assert all(torch.equal(before[name], one) for name, one in doubtful.model.state_dict().items())
    assert doubtful.temperatures.intents == 5.0


@pytest.mark.usefixtures("fewest")
def test_nothing_it_learnt_from_is_used(doubtful: MtodLearner) -> None:
    found = calibrate(doubtful, HELD, learnt=english())
    assert found == calibrate(doubtful, spanish(), learnt=())
    assert found.intents.examples == len(spanish())


@pytest.mark.usefixtures("fewest")
def test_a_text_that_occurs_twice_is_in_one_half_only() -> None:
    halves = calibration._halves([*HELD, *HELD[:7]], [])
    first, second = ({one.text for one in half} for half in halves)
    assert not first & second
    assert sum(map(len, halves)) == len(HELD) + 7


def test_halves_do_not_depend_on_the_order_of_the_examples() -> None:
    def texts(held: list[MtodExample]) -> list[set[str]]:
        return [{one.text for one in half} for half in calibration._halves(held, [])]

    assert texts(HELD) == texts(HELD[::-1])


def test_no_more_texts_are_read_than_a_number_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "MOST", 12)
    assert [len(half) for half in calibration._halves(HELD, [])] == [6, 6]


def test_too_few_examples_leave_a_model_as_it_is(doubtful: MtodLearner) -> None:
    found = calibrate(doubtful, spanish(), learnt=())
    assert found.temperatures == Temperatures()
    assert found.intents.note == found.slots.note == "24 held-out utterances; calibration needs 50"
    assert (found.intents.ece_before, found.intents.ece_after) == (None, None)


def test_too_few_slots_leave_only_the_slots_as_they_are(doubtful: MtodLearner) -> None:
    bare = [one.model_copy(update={"slots": ()}) for one in HELD]
    found = calibrate(doubtful, bare, learnt=())
    assert found.temperatures.intents > 1.0
    assert found.temperatures.slots == 1.0
    assert found.slots.note == "0 held-out slots; calibration needs 50"


def test_intents_it_does_not_know_do_not_count_towards_enough(doubtful: MtodLearner) -> None:
    unknown = [one.model_copy(update={"intent": "new"}) for one in HELD[:10]]
    found = calibrate(doubtful, [*unknown, *HELD[10:]], learnt=())
    assert found.temperatures.intents == 1.0
    assert found.intents.note == "44 held-out utterances of intents it knows; calibration needs 50"


def test_the_examples_own_tokens_are_not_used_because_no_user_sends_any(doubtful: MtodLearner) -> None:
    split_oddly = [one.model_copy(update={"tokens": (one.text,)}) for one in HELD]
    assert calibrate(doubtful, split_oddly, learnt=()) == calibrate(doubtful, HELD, learnt=())
