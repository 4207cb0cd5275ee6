"""Temperature scaling: a model that says 0.9 should be right nine times in ten.

Scores are divided by one number, the temperature, before they become probabilities: the order of answers
stays, only how sure they are told changes (Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern
Neural Networks", ICML 2017). It is fitted by the negative log-likelihood of held-out examples. That is
convex in 1/T wherever the likelihood is a softmax of scores, that of a CRF over whole sequences too: there
is one minimum, and a search in one dimension finds it.
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.contracts.calibrations import Calibrated

LOWEST: Final = 0.5
HIGHEST: Final = 10.0
"""Bounds of a temperature: of a few dozen answers all may be right, which must not make a model certain."""

BINS: Final = 15
"""Of equal width, as Guo et al. have them."""


class Judged(NamedTuple):
    """Answers, each with how sure the model was.

    Attributes:
        confidences: [answers], 0 to 1.
        right: [answers].
    """

    confidences: NDArray[np.float64]
    right: NDArray[np.bool_]


class Held(Protocol):
    """Held-out examples with a model's scores of them."""

    def loss(self, temperature: float) -> float:
        """Return the negative log-likelihood of what is right, in nats, summed over the examples."""

    def judged(self, temperature: float) -> Judged:
        """Return the model's answers, which are the same at every temperature."""


def cross_fitted(first: Held, second: Held, *, examples: int) -> Calibrated:
    """Fit a temperature on two halves, and measure what it is worth on examples it was not fitted on.

    If what one half teaches does not make the answers of the other likelier, the temperature stays 1: no
    noise is stored. The errors are means over the halves, before and after alike: in few examples the error
    of even a perfect model is above 0, the more so the fewer there are.

    Args:
        first: One half of the held-out examples.
        second: The other half.
        examples: In both together.
    """
    plain = first.judged(1.0), second.judged(1.0)
    found = Calibrated(
        examples=examples, answers=sum(len(half.right) for half in plain), ece_before=_mean_error(plain)
    )
    of_first, of_second = fitted(first.loss), fitted(second.loss)
    if first.loss(of_second) + second.loss(of_first) >= first.loss(1.0) + second.loss(1.0):
        note = "what half of the examples taught did not help the other half"
        return found.model_copy(update={"ece_after": found.ece_before, "note": note})
    temperature = fitted(lambda one: first.loss(one) + second.loss(one))
    after = _mean_error((first.judged(of_second), second.judged(of_first)))
    return found.model_copy(
        update={"temperature": temperature, "ece_after": after, "note": _bound(temperature)}
    )


def fitted(loss: Callable[[float], float]) -> float:
    """Return the temperature of the smallest loss, between `LOWEST` and `HIGHEST`.

    Where none is better than 1, it is 1.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415  a second, which serving need not wait

    found = minimize_scalar(
        lambda log: loss(math.exp(log)),
        bounds=(math.log(LOWEST), math.log(HIGHEST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    temperature = round(math.exp(float(found.x)), 3)
    return temperature if loss(temperature) < loss(1.0) else 1.0


def expected_calibration_error(judged: Judged) -> float:
    """Return how far confidence is from the share of right answers, 0 to 1.

    Answers are put in `BINS` bins by confidence, each open below and closed above; the error is the
    mean over bins of |mean confidence - share of right ones|, weighted by answers (Guo et al., equation 3).
    A bin without answers has no weight.

    Raises:
        ValueError: There is no answer.
    """
    if not len(judged.right):
        raise ValueError("there is no answer to measure on")
    bins = np.clip(np.ceil(judged.confidences * BINS).astype(int) - 1, 0, BINS - 1)  # [answers]
    gaps = np.bincount(bins, weights=judged.confidences - judged.right, minlength=BINS)  # [bins]
    return float(np.abs(gaps).sum() / len(judged.right))


def _mean_error(halves: tuple[Judged, Judged]) -> float | None:
    """Return the mean error of two halves; None where one has no answers."""
    if not all(len(half.right) for half in halves):
        return None
    return round(sum(map(expected_calibration_error, halves)) / len(halves), 6)


def _bound(temperature: float) -> str | None:
    """Say that a temperature was stopped by a bound."""
    if LOWEST * 1.01 < temperature < HIGHEST / 1.01:
        return None
    return f"the temperature is at its bound: it is kept between {LOWEST:g} and {HIGHEST:g}"
