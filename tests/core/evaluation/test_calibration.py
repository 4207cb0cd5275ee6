"""Temperatures and calibration errors, on scores whose right temperature is known."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from core.evaluation.calibration import (
    BINS,
    HIGHEST,
    LOWEST,
    Judged,
    cross_fitted,
    expected_calibration_error,
    fitted,
)


@dataclass(frozen=True)
class Logits:
    """Held-out examples as plain numpy: [examples, classes] and the right class of each."""

    scores: NDArray[np.float64]
    gold: NDArray[np.int64]

    def probabilities(self, temperature: float) -> NDArray[np.float64]:
        raised = np.exp(self.scores / temperature)
        shares: NDArray[np.float64] = raised / raised.sum(1, keepdims=True)
        return shares

    def loss(self, temperature: float) -> float:
        return float(-np.log(self.probabilities(temperature)[np.arange(len(self.gold)), self.gold]).sum())

    def judged(self, temperature: float) -> Judged:
        return Judged(self.probabilities(temperature).max(1), self.scores.argmax(1) == self.gold)


def drawn(count: int, *, factor: float = 1.0, seed: int = 0) -> Logits:
    """Draw right classes from known probabilities, whose scores are then multiplied."""
    draw = np.random.default_rng(seed)
    scores = draw.normal(size=(count, 5)) * 2
    plain = Logits(scores, np.zeros(count, dtype=np.int64)).probabilities(1.0)
    gold = (plain.cumsum(1) < draw.random((count, 1))).sum(1).clip(max=4)
    return Logits(factor * scores, gold)


def by_enumeration(judged: Judged) -> float:
    """Guo et al.'s equations 1 to 3, bin by bin."""
    total = 0.0
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        inside = [
            (sure, right)
            for sure, right in zip(judged.confidences.tolist(), judged.right.tolist(), strict=True)
            if low < sure <= high or (number == 0 and sure == 0)
        ]
        if inside:
            accuracy = sum(right for _, right in inside) / len(inside)
            confidence = math.fsum(sure for sure, _ in inside) / len(inside)
            total += len(inside) / len(judged.right) * abs(accuracy - confidence)
    return total


def judged(*pairs: tuple[float, bool]) -> Judged:
    return Judged(np.array([sure for sure, _ in pairs]), np.array([right for _, right in pairs]))


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.5, 4.0])
def test_scores_that_were_multiplied_are_divided_by_the_same_number(factor: float) -> None:
    assert fitted(drawn(20_000, factor=factor).loss) == pytest.approx(factor, rel=0.03)


@pytest.mark.parametrize("seed", range(8))
def test_a_temperature_never_does_worse_on_what_it_was_fitted_on(seed: int) -> None:
    few = drawn(20, factor=1.1, seed=seed)
    assert few.loss(fitted(few.loss)) <= few.loss(1.0)


def test_no_temperature_near_it_does_better() -> None:
    some = drawn(200, factor=2.0)
    found = fitted(some.loss)
    assert all(some.loss(found) <= some.loss(found * other) for other in (0.9, 0.99, 1.01, 1.1))


def test_a_few_right_answers_do_not_make_a_model_certain() -> None:
    certain = Logits(np.array([[2.0, 0.0]] * 3), np.zeros(3, dtype=np.int64))
    assert fitted(certain.loss) == pytest.approx(LOWEST, rel=0.01)


def test_a_few_wrong_answers_do_not_take_every_hope() -> None:
    wrong = Logits(np.array([[2.0, 0.0]] * 3), np.ones(3, dtype=np.int64))
    assert fitted(wrong.loss) == pytest.approx(HIGHEST, rel=0.01)


def test_a_temperature_that_changes_nothing_is_one() -> None:
    assert fitted(lambda _: 3.0) == 1.0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 10.0])
def test_the_error_is_that_of_enumeration(temperature: float) -> None:
    found = drawn(500, factor=3.0).judged(temperature)
    assert expected_calibration_error(found) == pytest.approx(by_enumeration(found))


def test_confidence_at_the_edge_of_a_bin_belongs_to_the_bin_below() -> None:
    edges = judged(*((number / BINS, number % 2 == 0) for number in range(BINS + 1)))
    assert expected_calibration_error(edges) == pytest.approx(by_enumeration(edges))


def test_errors_of_one_bin_cancel_and_those_of_two_do_not() -> None:
    assert expected_calibration_error(judged((0.95, True), (0.95, False))) == pytest.approx(0.45)
    assert expected_calibration_error(judged((0.95, False), (0.01, True))) == pytest.approx(0.97)


def test_a_model_that_is_sure_and_right_has_no_error() -> None:
    assert expected_calibration_error(judged((1.0, True), (1.0, True))) == 0.0


def test_without_answers_there_is_no_error_to_tell() -> None:
    with pytest.raises(ValueError, match="no answer"):
        expected_calibration_error(judged())


def test_the_error_falls_on_examples_that_had_no_part_in_the_temperature() -> None:
    found = cross_fitted(drawn(500, factor=3.0, seed=1), drawn(500, factor=3.0, seed=2), examples=1000)
    assert found.ece_before is not None
    assert found.ece_after is not None
    assert found.ece_after < found.ece_before / 3
    assert (found.examples, found.answers, found.note) == (1000, 1000, None)


def test_each_half_is_measured_at_the_temperature_of_the_other() -> None:
    first, second = drawn(300, factor=3.0, seed=1), drawn(300, factor=1.5, seed=2)
    errors = [
        expected_calibration_error(first.judged(fitted(second.loss))),
        expected_calibration_error(second.judged(fitted(first.loss))),
    ]
    found = cross_fitted(first, second, examples=600)
    assert found.ece_after == pytest.approx(sum(errors) / 2, abs=1e-6)
    assert 1.5 < found.temperature < 3.0


def test_what_does_not_help_the_other_half_is_not_used() -> None:
    found = cross_fitted(drawn(300, factor=3.0, seed=1), drawn(300, factor=0.6, seed=2), examples=600)
    assert found.temperature == 1.0
    assert found.ece_after == found.ece_before
    assert found.note == "what half of the examples taught did not help the other half"


def test_a_temperature_that_a_bound_stopped_is_told() -> None:
    sure = Logits(np.array([[2.0, 0.0]] * 30), np.zeros(30, dtype=np.int64))
    assert "at its bound" in (cross_fitted(sure, sure, examples=60).note or "")


def test_a_half_without_answers_has_no_error() -> None:
    nothing = Logits(np.zeros((0, 5)), np.zeros(0, dtype=np.int64))
    found = cross_fitted(drawn(100), nothing, examples=100)
    assert (found.ece_before, found.ece_after) == (None, None)
