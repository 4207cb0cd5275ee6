"""Temperatures and calibration errors of scores whose correct temperature is known."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from core.evaluation.calibration import (
    BINS,
    HIGHEST,
    LOWEST,
    ScoredAnswers,
    cross_fit_temperature,
    expected_calibration_error,
    fit_temperature,
)


@dataclass(frozen=True)
class Logits:
    """Scores [examples, classes] and gold classes [examples] of held-out examples."""

    scores: NDArray[np.float64]
    gold: NDArray[np.int64]

    def probabilities(self, temperature: float) -> NDArray[np.float64]:
        exponentials = np.exp(self.scores / temperature)
        probabilities: NDArray[np.float64] = exponentials / exponentials.sum(1, keepdims=True)
        return probabilities

    def loss(self, temperature: float) -> float:
        return float(-np.log(self.probabilities(temperature)[np.arange(len(self.gold)), self.gold]).sum())

    def answers(self, temperature: float) -> ScoredAnswers:
        return ScoredAnswers(self.probabilities(temperature).max(1), self.scores.argmax(1) == self.gold)


def sampled_logits(count: int, *, factor: float = 1.0, seed: int = 0) -> Logits:
    """Return scores times a factor; gold classes are sampled from the probabilities of unscaled scores."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=(count, 5)) * 2
    probabilities = Logits(scores, np.zeros(count, dtype=np.int64)).probabilities(1.0)
    gold = (probabilities.cumsum(1) < generator.random((count, 1))).sum(1).clip(max=4)
    return Logits(factor * scores, gold)


def by_enumeration(answers: ScoredAnswers) -> float:
    """Return the calibration error by equations 1 to 3 of Guo et al., bin by bin."""
    total = 0.0
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        inside = [
            (confidence, correct)
            for confidence, correct in zip(
                answers.confidences.tolist(), answers.correct.tolist(), strict=True
            )
            if low < confidence <= high or (number == 0 and confidence == 0)
        ]
        if inside:
            accuracy = sum(correct for _, correct in inside) / len(inside)
            mean_confidence = math.fsum(confidence for confidence, _ in inside) / len(inside)
            total += len(inside) / len(answers.correct) * abs(accuracy - mean_confidence)
    return total


def scored_answers(*pairs: tuple[float, bool]) -> ScoredAnswers:
    """Return answers from pairs of a confidence and whether the answer is right."""
    return ScoredAnswers(
        np.array([confidence for confidence, _ in pairs]), np.array([correct for _, correct in pairs])
    )


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.5, 4.0])
def test_fit_temperature_recovers_the_factor_of_scaled_scores(factor: float) -> None:
    assert fit_temperature(sampled_logits(20_000, factor=factor).loss) == pytest.approx(factor, rel=0.03)


@pytest.mark.parametrize("seed", range(8))
def test_fit_temperature_never_increases_the_loss(seed: int) -> None:
    logits = sampled_logits(20, factor=1.1, seed=seed)
    assert logits.loss(fit_temperature(logits.loss)) <= logits.loss(1.0)


def test_fit_temperature_is_a_local_minimum() -> None:
    logits = sampled_logits(200, factor=2.0)
    best = fit_temperature(logits.loss)
    assert all(logits.loss(best) <= logits.loss(best * factor) for factor in (0.9, 0.99, 1.01, 1.1))


def test_fit_temperature_stops_at_lower_bound_when_all_answers_are_right() -> None:
    certain = Logits(np.array([[2.0, 0.0]] * 3), np.zeros(3, dtype=np.int64))
    assert fit_temperature(certain.loss) == pytest.approx(LOWEST, rel=0.01)


def test_fit_temperature_stops_at_upper_bound_when_all_answers_are_wrong() -> None:
    wrong = Logits(np.array([[2.0, 0.0]] * 3), np.ones(3, dtype=np.int64))
    assert fit_temperature(wrong.loss) == pytest.approx(HIGHEST, rel=0.01)


def test_fit_temperature_is_one_for_constant_loss() -> None:
    assert fit_temperature(lambda _: 3.0) == 1.0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 10.0])
def test_expected_calibration_error_equals_enumeration(temperature: float) -> None:
    answers = sampled_logits(500, factor=3.0).answers(temperature)
    assert expected_calibration_error(answers) == pytest.approx(by_enumeration(answers))


def test_expected_calibration_error_closes_bins_above() -> None:
    edges = scored_answers(*((number / BINS, number % 2 == 0) for number in range(BINS + 1)))
    assert expected_calibration_error(edges) == pytest.approx(by_enumeration(edges))


def test_expected_calibration_error_averages_within_bins_only() -> None:
    assert expected_calibration_error(scored_answers((0.95, True), (0.95, False))) == pytest.approx(0.45)
    assert expected_calibration_error(scored_answers((0.95, False), (0.01, True))) == pytest.approx(0.97)


def test_expected_calibration_error_is_zero_for_certain_right_answers() -> None:
    assert expected_calibration_error(scored_answers((1.0, True), (1.0, True))) == 0.0


def test_expected_calibration_error_rejects_no_answers() -> None:
    with pytest.raises(ValueError, match="no answer"):
        expected_calibration_error(scored_answers())


def test_cross_fit_temperature_reduces_error_on_other_half() -> None:
    calibration = cross_fit_temperature(
        sampled_logits(500, factor=3.0, seed=1), sampled_logits(500, factor=3.0, seed=2), examples=1000
    )
    assert calibration.ece_before is not None
    assert calibration.ece_after is not None
    assert calibration.ece_after < calibration.ece_before / 3
    assert (calibration.examples, calibration.answers, calibration.note) == (1000, 1000, None)


def test_cross_fit_temperature_measures_each_half_at_temperature_of_the_other() -> None:
    first, second = sampled_logits(300, factor=3.0, seed=1), sampled_logits(300, factor=1.5, seed=2)
    errors = [
        expected_calibration_error(first.answers(fit_temperature(second.loss))),
        expected_calibration_error(second.answers(fit_temperature(first.loss))),
    ]
    calibration = cross_fit_temperature(first, second, examples=600)
    assert calibration.ece_after == pytest.approx(sum(errors) / 2, abs=1e-6)
    assert 1.5 < calibration.temperature < 3.0


def test_cross_fit_temperature_is_one_when_halves_disagree() -> None:
    calibration = cross_fit_temperature(
        sampled_logits(300, factor=3.0, seed=1), sampled_logits(300, factor=0.6, seed=2), examples=600
    )
    assert calibration.temperature == 1.0
    assert calibration.ece_after == calibration.ece_before
    assert calibration.note == "what half of the examples taught did not help the other half"


def test_cross_fit_temperature_notes_a_bound() -> None:
    certain = Logits(np.array([[2.0, 0.0]] * 30), np.zeros(30, dtype=np.int64))
    assert "at its bound" in (cross_fit_temperature(certain, certain, examples=60).note or "")


def test_cross_fit_temperature_has_no_error_when_a_half_is_empty() -> None:
    empty = Logits(np.zeros((0, 5)), np.zeros(0, dtype=np.int64))
    calibration = cross_fit_temperature(sampled_logits(100), empty, examples=100)
    assert (calibration.ece_before, calibration.ece_after) == (None, None)
