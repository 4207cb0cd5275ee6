"""Inputs and predictions of the task qa."""

from core.contracts.inference import Prediction, PredictionInput
from core.contracts.values import Context, Contract, Text


class QuestionInput(PredictionInput):
    """A question on a context.

    Attributes:
        question: The question.
        context: The text that holds the answer, of any length up to the limit.
    """

    question: Text
    context: Context


class PredictedAnswer(Contract):
    """An answer in a context; `context[start:end] == text`.

    Attributes:
        text: The answer, exactly as in the context.
        start: Offset of the first character in the context, in Unicode code points.
        end: Offset after the last character in the context, in Unicode code points.
        score: The model's probability of this span among all spans of the context, 0 to 1.
    """

    text: str
    start: int
    end: int
    score: float


class QaPrediction(Prediction):
    """The answers to one question.

    Attributes:
        answers: In descending order of score; no two overlap or have the same text.
    """

    answers: tuple[PredictedAnswer, ...]
