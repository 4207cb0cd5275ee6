from core.contracts.evaluations import MtodEvaluation
from core.contracts.reports import Candidate
from core.pipeline.verdict import Rated, verdict
from core.tasks.engine import Measurement


def candidate_with(name: str, *, correct: int, of: int = 20) -> Rated:
    """Return a candidate whose first `correct` of `of` utterances are correct."""
    rate = correct / of
    scores = MtodEvaluation(examples=of, intent_accuracy=rate, slot_f1=rate, exact_match=rate)
    exact = tuple(index < correct for index in range(of))
    return Candidate(name=name, evaluation=scores), Measurement(scores, exact)


def test_verdict_reports_clear_gain_with_numbers() -> None:
    text = verdict(candidate_with("ft", correct=18), [candidate_with("zero-shot base", correct=4)])
    assert text == (
        "ft is better than the zero-shot base by 70.0 points (intent accuracy 90.0 against 20.0, "
        "slot F1 90.0 against 20.0, exact match 90.0 against 20.0; McNemar on exact matches p < 0.001)."
    )


def test_verdict_names_gain_that_could_be_chance() -> None:
    text = verdict(candidate_with("ft", correct=6), [candidate_with("zero-shot base", correct=4)])
    assert "better than the zero-shot base by 10.0 points" in text
    assert text.endswith("McNemar on exact matches p = 0.500, which could be chance).")


def test_verdict_reports_loss() -> None:
    text = verdict(
        candidate_with("x-metra-ada", correct=3),
        [candidate_with("zero-shot base", correct=19), candidate_with("ft", correct=3)],
    )
    assert "x-metra-ada is worse than the zero-shot base by 80.0 points" in text
    assert "x-metra-ada is level with ft (intent accuracy" in text


def test_verdict_reports_level_for_tiny_difference() -> None:
    text = verdict(
        candidate_with("ft", correct=100_001, of=200_000),
        [candidate_with("zero-shot base", correct=100_000, of=200_000)],
    )
    assert "ft is level with the zero-shot base (intent accuracy" in text


def test_verdict_has_sentence_for_every_rival() -> None:
    text = verdict(
        candidate_with("x-metra-ada", correct=9),
        [candidate_with("zero-shot base", correct=1), candidate_with("ft", correct=8)],
    )
    assert text.count("x-metra-ada is ") == 2
    assert "was not asked" not in text


def test_verdict_names_missing_fine_tuning_baseline() -> None:
    zero_shot = candidate_with("zero-shot base", correct=1)
    assert "plain fine-tuning would do as well was not asked" in verdict(
        candidate_with("x-metra-ada", correct=9), [zero_shot]
    )
    assert "was not asked" not in verdict(candidate_with("ft", correct=9), [zero_shot])
