"""Temperature scaling of confidences, and the expected calibration error.

Scores are divided by a temperature before they become probabilities: the ranking of the answers stays the
same, only the confidence changes (Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural
Networks", ICML 2017). The temperature is fitted by the negative log-likelihood of held-out examples. That is
convex in 1/T wherever the likelihood is a softmax of scores, including that of a CRF over whole sequences:
there is one minimum, and a one-dimensional search finds it.
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.contracts.calibrations import Calibrated

LOWEST: Final = 0.5
HIGHEST: Final = 10.0
"""Bounds of a temperature: a few dozen answers may all be right, which must not make a model certain."""

BINS: Final = 15
"""Number of equal-width bins, as in Guo et al."""


class ScoredAnswers(NamedTuple):
    """Answers of a model with their confidences.

    Attributes:
        confidences: [answers], 0 to 1.
        correct: [answers], whether each answer is right.
    """

    confidences: NDArray[np.float64]
    correct: NDArray[np.bool_]


class HeldOutScores(Protocol):
    """A model's scores of held-out examples."""

    def loss(self, temperature: float) -> float:
        """Return the negative log-likelihood of the gold labels, in nats, summed over the examples."""

    def answers(self, temperature: float) -> ScoredAnswers:
        """Return the model's answers, which are the same at every temperature, with their confidences."""


def cross_fit_temperature(first: HeldOutScores, second: HeldOutScores, *, examples: int) -> Calibrated:
    """Fit a temperature on two halves, and measure its effect on examples it was not fitted on.

    If the temperature of one half does not make the answers of the other likelier, the temperature stays 1,
    so that no noise is stored. The errors before and after are means over the halves: on few examples the
    error of even a perfect model is above 0, the more so the fewer there are.

    Args:
        first: One half of the held-out examples.
        second: The other half.
        examples: Number of examples in both halves together.
    """
    unscaled = first.answers(1.0), second.answers(1.0)
    calibration = Calibrated(
        examples=examples,
        answers=sum(len(half.correct) for half in unscaled),
        ece_before=_mean_error(unscaled),
    )
    of_first, of_second = fit_temperature(first.loss), fit_temperature(second.loss)
    if first.loss(of_second) + second.loss(of_first) >= first.loss(1.0) + second.loss(1.0):
        note = "what half of the examples taught did not help the other half"
        return calibration.model_copy(update={"ece_after": calibration.ece_before, "note": note})
    temperature = fit_temperature(lambda value: first.loss(value) + second.loss(value))
    after = _mean_error((first.answers(of_second), second.answers(of_first)))
    return calibration.model_copy(
        update={"temperature": temperature, "ece_after": after, "note": _bound_note(temperature)}
    )


def fit_temperature(loss: Callable[[float], float]) -> float:
    """Return the temperature of the smallest loss, between `LOWEST` and `HIGHEST`; 1 if none is better.

    Args:
        loss: Negative log-likelihood as a function of the temperature.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415  a second, which serving need not wait

    minimum = minimize_scalar(
        lambda log: loss(math.exp(log)),
        bounds=(math.log(LOWEST), math.log(HIGHEST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    temperature = round(math.exp(float(minimum.x)), 3)
    return temperature if loss(temperature) < loss(1.0) else 1.0


def expected_calibration_error(answers: ScoredAnswers) -> float:
    """Return the expected calibration error, 0 to 1.

    Answers are binned by confidence into `BINS` bins, each open below and closed above; the error is the mean
    over bins of |mean confidence - accuracy|, weighted by the number of answers (Guo et al., equation 3).
    Empty bins have no weight.

    Raises:
        ValueError: There are no answers.
    """
    if not len(answers.correct):
        raise ValueError("there is no answer to measure on")
    bins = np.clip(np.ceil(answers.confidences * BINS).astype(int) - 1, 0, BINS - 1)  # [answers]
    gaps = np.bincount(bins, weights=answers.confidences - answers.correct, minlength=BINS)  # [bins]
    return float(np.abs(gaps).sum() / len(answers.correct))


def _mean_error(halves: tuple[ScoredAnswers, ScoredAnswers]) -> float | None:
    """Return the mean calibration error of two halves, or None if one has no answers."""
    if not all(len(half.correct) for half in halves):
        return None
    return round(sum(map(expected_calibration_error, halves)) / len(halves), 6)


def _bound_note(temperature: float) -> str | None:
    """Return a note if the temperature is at one of its bounds, else None."""
    if LOWEST * 1.01 < temperature < HIGHEST / 1.01:
        return None
    return f"the temperature is at its bound: it is kept between {LOWEST:g} and {HIGHEST:g}"
