"""What a model answers."""

from core.contracts.values import Contract, LanguageTag


class RankedIntent(Contract):
    """An intent and how sure the model is of it, 0 to 1, at the temperature of its checkpoint."""

    name: str
    confidence: float


class PredictedSlot(Contract):
    """A slot found in a text; `text[start:end] == value`.

    Attributes:
        confidence: How sure the model is of name and place together, 0 to 1, at its checkpoint's temperature.
    """

    slot: str
    value: str
    start: int
    end: int
    confidence: float


class MtodPrediction(Contract):
    """Intent and slots of one utterance.

    Attributes:
        id: The caller's own name of the utterance.
        adapted: Whether the model was trained on this language; if not, the base answers zero-shot.
    """

    id: str | None = None
    text: str
    language: LanguageTag
    intent: RankedIntent
    intent_ranking: tuple[RankedIntent, ...]
    slots: tuple[PredictedSlot, ...]
    adapted: bool
