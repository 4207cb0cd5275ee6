"""What a model answers to questions."""

from core.contracts.values import Contract, LanguageTag


class PredictedAnswer(Contract):
    """An answer found in a context; `context[start:end] == text`.

    Attributes:
        text: The answer, as the context has it.
        start: Its first character, in Unicode code points.
        end: The character after its last.
        score: The model's probability of just this place among all places of the context, 0 to 1.
    """

    text: str
    start: int
    end: int
    score: float


class QaPrediction(Contract):
    """The answers to one question.

    Attributes:
        id: The caller's own name of the question.
        answers: The likeliest first; none overlap and no two read the same.
        adapted: Whether the model was trained on this language; if not, the base answers zero-shot.
    """

    id: str | None = None
    language: LanguageTag
    answers: tuple[PredictedAnswer, ...]
    adapted: bool
