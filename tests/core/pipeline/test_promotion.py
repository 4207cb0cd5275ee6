import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.evaluations import MtodEvaluation
from core.contracts.reports import Candidate
from core.contracts.values import Promotion
from core.pipeline.promotion import decide

rates = st.floats(0, 1)


def candidate(intent: float, slots: float, name: str = "new") -> Candidate:
    scores = MtodEvaluation(examples=20, intent_accuracy=intent, slot_f1=slots, exact_match=0.0)
    return Candidate(name=name, evaluation=scores)


@pytest.mark.parametrize("policy", [Promotion.IF_BETTER, Promotion.ALWAYS])
def test_decide_promotes_when_nothing_is_deployed(policy: Promotion) -> None:
    decision = decide(policy, candidate(0.0, 0.0), None)
    assert (decision.promoted, decision.reason) == (True, "nothing served before")


@given(rates, rates, rates, rates)
def test_if_better_promotes_better_model_only(a: float, b: float, c: float, d: float) -> None:
    new, old = candidate(a, b), candidate(c, d, "old")
    decision = decide(Promotion.IF_BETTER, new, old)
    assert decision.promoted == (new.evaluation.quality > old.evaluation.quality)
    assert decision.reason.startswith("better" if decision.promoted else "not better")


def test_if_better_rejects_equal_model() -> None:
    assert not decide(Promotion.IF_BETTER, candidate(0.5, 0.7), candidate(0.7, 0.5)).promoted


@given(rates, rates)
def test_always_promotes_and_reason_names_missing_gain(new: float, old: float) -> None:
    decision = decide(Promotion.ALWAYS, candidate(new, new), candidate(old, old, "old"))
    assert decision.promoted
    assert ("though not better" in decision.reason) == (new <= old)


@pytest.mark.parametrize("incumbent", [None, candidate(0.1, 0.1, "old")])
def test_never_promotes_nothing(incumbent: Candidate | None) -> None:
    decision = decide(Promotion.NEVER, candidate(1.0, 1.0), incumbent)
    assert (decision.promoted, decision.reason) == (False, "promotion was not wanted")


def test_reason_has_both_scores_and_number_of_examples() -> None:
    decision = decide(Promotion.IF_BETTER, candidate(0.9, 0.7), candidate(0.6, 0.4, "the base"))
    assert decision.reason == (
        "better: mean of intent accuracy and slot F1 80.0 against 50.0 of the base on 20 held-out examples"
    )
