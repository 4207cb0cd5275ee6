"""A learner measured on examples it has not seen, and two measurements compared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.contracts.examples import MtodExample
from core.contracts.reports import Evaluation
from core.tasks.mtod.decoding import answer
from core.tasks.mtod.learner import MtodLearner
from core.tasks.mtod.metrics import evaluate_predictions


@dataclass(frozen=True, slots=True)
class Measurement:
    """Scores, and which utterances were right as a whole.

    Attributes:
        evaluation: The scores.
        exact: For each example whether intent and slots are exactly right.
    """

    evaluation: Evaluation
    exact: tuple[bool, ...]


def measure(learner: MtodLearner, examples: Sequence[MtodExample]) -> Measurement:
    """Answer the examples' texts as a user's would be answered, and compare.

    Args:
        learner: Put in evaluation mode.
        examples: At least one; their own tokens are not used, because no user sends any.

    Raises:
        InvalidInput: A text is longer than the encoder's window.
    """
    features = learner.featurizer.texts([one.text for one in examples])
    predicted = [(one.intents[0].name, one.spans) for one in answer(learner, features, top_k=1)]
    exact = tuple(
        (intent, set(spans)) == (one.intent, set(one.slots))
        for one, (intent, spans) in zip(examples, predicted, strict=True)
    )
    return Measurement(evaluate_predictions(examples, predicted), exact)


def chance_of_difference(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    Of the examples that only one of the two gets right, under no difference each does half: a
    binomial (McNemar 1947; Dietterich 1998).

    Args:
        first: Which examples the first model has right.
        second: Which the second has right; the same examples in the same order.
    """
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    differing = only_first + only_second
    tail = sum(math.comb(differing, k) for k in range(min(only_first, only_second) + 1))
    # Whole numbers to the last: 2 ** 1024 is no float any more.
    return min(1.0, tail / (1 << (differing - 1))) if differing else 1.0
