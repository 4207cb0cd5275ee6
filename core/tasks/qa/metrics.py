"""Metrics of answers: exact match and F1 of SQuAD v1.1 (Rajpurkar et al. 2016), as in its evaluation script.

TyDiQA-GoldP is measured by the same script, whatever the language: it handles only English articles and
ASCII punctuation, and a text without spaces is one word.
"""

import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.contracts.evaluations import QaEvaluation
from core.contracts.qa_examples import QaExample

_ARTICLES = re.compile(r"\b(a|an|the)\b")

_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """Scores of answers; rates and F1s are between 0 and 1.

    Attributes:
        examples: Number of questions.
        exact_match: Share of answers that equal one of the gold answers after normalisation.
        f1: Mean of `f1s`.
        exact: For each question whether the answer is correct.
        f1s: For each question the F1 of words against the best matching gold answer.
    """

    examples: int
    exact_match: float
    f1: float
    exact: tuple[bool, ...]
    f1s: tuple[float, ...]

    @property
    def evaluation(self) -> QaEvaluation:
        """The rates, as in reports."""
        return QaEvaluation(examples=self.examples, exact_match=self.exact_match, f1=self.f1)


class AnswerText(Protocol):
    """An answer with its text."""

    @property
    def text(self) -> str:
        """The answer."""


class RankedAnswers(Protocol):
    """The predicted answers to one question."""

    @property
    def answers(self) -> Sequence[AnswerText]:
        """The most probable first; may be empty."""


def best_texts(predictions: Iterable[RankedAnswers]) -> list[str]:
    """Return the most probable answer to each question; empty if there is none."""
    return [prediction.answers[0].text if prediction.answers else "" for prediction in predictions]


def evaluate_answers(gold: Sequence[QaExample], predicted: Sequence[str]) -> AnswerScores:
    """Compare answers with gold answers.

    Args:
        gold: The labelled questions.
        predicted: The best answer to each, in the same order; empty if there is none.

    Raises:
        ValueError: There are no questions, or their number differs from that of the answers.
    """
    if not gold:
        raise ValueError("there is no example to measure on")
    if len(gold) != len(predicted):
        raise ValueError(f"{len(predicted)} answers for {len(gold)} examples")
    pairs = [
        (prediction, [answer.text for answer in example.answers])
        for example, prediction in zip(gold, predicted, strict=True)
    ]
    exact = tuple(any(exact_match(prediction, text) for text in texts) for prediction, texts in pairs)
    f1s = tuple(max(word_f1(prediction, text) for text in texts) for prediction, texts in pairs)
    return AnswerScores(len(pairs), sum(exact) / len(pairs), sum(f1s) / len(pairs), exact, f1s)


def normalize_answer(text: str) -> str:
    """Return a text in lower case, without ASCII punctuation and English articles, with single spaces."""
    without_punctuation = text.lower().translate(_WITHOUT_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", without_punctuation).split())


def exact_match(predicted: str, gold: str) -> bool:
    """Return whether two answers are equal after normalisation."""
    return normalize_answer(predicted) == normalize_answer(gold)


def word_f1(predicted: str, gold: str) -> float:
    """Return the F1 of words, each counted as often as it occurs; 0 if no word is in both."""
    predicted_words, gold_words = normalize_answer(predicted).split(), normalize_answer(gold).split()
    common = sum((Counter(predicted_words) & Counter(gold_words)).values())
    return 2 * common / (len(predicted_words) + len(gold_words)) if common else 0.0
