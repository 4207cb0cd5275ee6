from core.contracts.evaluations import MtodEvaluation
from core.contracts.reports import Candidate
from core.pipeline.verdict import Rated, verdict
from core.tasks.engine import Measurement


def rated(name: str, *, right: int, of: int = 20) -> Rated:
    """Return a model that has so many utterances right, the first ones."""
    share = right / of
    scores = MtodEvaluation(examples=of, intent_accuracy=share, slot_f1=share, exact_match=share)
    exact = tuple(index < right for index in range(of))
    return Candidate(name=name, evaluation=scores), Measurement(scores, exact)


def test_a_clear_gain_is_told_with_its_numbers() -> None:
    told = verdict(rated("ft", right=18), [rated("zero-shot base", right=4)])
    assert told == (
        "ft is better than the zero-shot base by 70.0 points (intent accuracy 90.0 against 20.0, "
        "slot F1 90.0 against 20.0, exact match 90.0 against 20.0; McNemar on exact matches p < 0.001)."
    )


def test_a_gain_that_could_be_chance_is_called_that() -> None:
    told = verdict(rated("ft", right=6), [rated("zero-shot base", right=4)])
    assert "better than the zero-shot base by 10.0 points" in told
    assert told.endswith("McNemar on exact matches p = 0.500, which could be chance).")


def test_a_loss_is_not_hidden() -> None:
    told = verdict(rated("x-metra-ada", right=3), [rated("zero-shot base", right=19), rated("ft", right=3)])
    assert "x-metra-ada is worse than the zero-shot base by 80.0 points" in told
    assert "x-metra-ada is level with ft (intent accuracy" in told


def test_a_difference_too_small_to_be_written_is_none() -> None:
    told = verdict(
        rated("ft", right=100_001, of=200_000), [rated("zero-shot base", right=100_000, of=200_000)]
    )
    assert "ft is level with the zero-shot base (intent accuracy" in told


def test_every_rival_has_a_sentence_of_its_own() -> None:
    told = verdict(rated("x-metra-ada", right=9), [rated("zero-shot base", right=1), rated("ft", right=8)])
    assert told.count("x-metra-ada is ") == 2
    assert "was not asked" not in told


def test_meta_learning_without_the_baseline_that_could_shame_it_says_so() -> None:
    zero_shot = rated("zero-shot base", right=1)
    assert "plain fine-tuning would do as well was not asked" in verdict(
        rated("x-metra-ada", right=9), [zero_shot]
    )
    assert "was not asked" not in verdict(rated("ft", right=9), [zero_shot])
