"""How good answers are: exact match and F1 of SQuAD v1.1 (Rajpurkar et al. 2016), as its script has them.

TyDiQA-GoldP is measured by the same script, whatever the language: it knows only English articles and
ASCII punctuation, and a text without spaces is one word.
"""

import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.contracts.answers import PredictedAnswer
from core.contracts.evaluations import QaEvaluation
from core.contracts.questions import QaExample

_ARTICLES = re.compile(r"\b(a|an|the)\b")

_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """Scores of answers; rates and F1s are between 0 and 1.

    Attributes:
        examples: How many questions.
        exact_match: Share of answers that are one of the gold ones once both are normalised.
        f1: Mean of `f1s`.
        exact: For each question whether the answer is right.
        f1s: For each question the F1 of words, against the gold answer that fits best.
    """

    examples: int
    exact_match: float
    f1: float
    exact: tuple[bool, ...]
    f1s: tuple[float, ...]

    @property
    def evaluation(self) -> QaEvaluation:
        """The rates, as reports have them."""
        return QaEvaluation(examples=self.examples, exact_match=self.exact_match, f1=self.f1)


class Answered(Protocol):
    """What was answered to one question."""

    @property
    def answers(self) -> tuple[PredictedAnswer, ...]:
        """The likeliest first; maybe none."""


def best_texts(answered: Iterable[Answered]) -> list[str]:
    """Return the likeliest answer to each question; empty where there was none."""
    return [one.answers[0].text if one.answers else "" for one in answered]


def evaluate_answers(gold: Sequence[QaExample], predicted: Sequence[str]) -> AnswerScores:
    """Compare answers with what is right.

    Args:
        gold: The answered questions.
        predicted: The one answer to each, in the same order; empty where there was none.

    Raises:
        ValueError: There is nothing to measure, or not one answer for each question.
    """
    if not gold:
        raise ValueError("there is no example to measure on")
    if len(gold) != len(predicted):
        raise ValueError(f"{len(predicted)} answers for {len(gold)} examples")
    pairs = [
        (told, [answer.text for answer in example.answers])
        for example, told in zip(gold, predicted, strict=True)
    ]
    exact = tuple(any(exact_match(told, right) for right in texts) for told, texts in pairs)
    f1s = tuple(max(word_f1(told, right) for right in texts) for told, texts in pairs)
    return AnswerScores(len(pairs), sum(exact) / len(pairs), sum(f1s) / len(pairs), exact, f1s)


def normalised(text: str) -> str:
    """Return a text in lower case, without ASCII punctuation and English articles, in single spaces."""
    bare = text.lower().translate(_WITHOUT_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(predicted: str, gold: str) -> bool:
    """Return whether both are the same once they are normalised."""
    return normalised(predicted) == normalised(gold)


def word_f1(predicted: str, gold: str) -> float:
    """Return the F1 of words, each counted as often as it occurs; 0 where no word is in both."""
    told, right = normalised(predicted).split(), normalised(gold).split()
    common = sum((Counter(told) & Counter(right)).values())
    return 2 * common / (len(told) + len(right)) if common else 0.0
