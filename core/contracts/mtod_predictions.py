"""Inputs and predictions of the task mtod."""

from core.contracts.inference import Prediction, PredictionInput
from core.contracts.values import Contract, Text


class Utterance(PredictionInput):
    """An utterance to predict intent and slots of.

    Attributes:
        text: The utterance.
    """

    text: Text

    @classmethod
    def from_shorthand(cls, value: object) -> object:
        """Take a bare string as the text of an utterance."""
        return {"text": value} if isinstance(value, str) else value


class RankedIntent(Contract):
    """An intent with its confidence.

    Attributes:
        name: The intent.
        confidence: Probability of the intent at the temperature of the checkpoint, 0 to 1.
    """

    name: str
    confidence: float


class PredictedSlot(Contract):
    """A slot in a text; `text[start:end] == value`.

    Attributes:
        slot: Slot type.
        value: The text of the slot.
        start: Offset of the first character in the text, in Unicode code points.
        end: Offset after the last character in the text, in Unicode code points.
        confidence: Probability of slot type and span together at the checkpoint's temperature, 0 to 1.
    """

    slot: str
    value: str
    start: int
    end: int
    confidence: float


class MtodPrediction(Prediction):
    """Intent and slots of one utterance.

    Attributes:
        text: The utterance.
        intent: The most probable intent.
        intent_ranking: The `top_k` most probable intents, in descending order of confidence.
        slots: Slots in the order of the text, without overlap.
    """

    text: str
    intent: RankedIntent
    intent_ranking: tuple[RankedIntent, ...]
    slots: tuple[PredictedSlot, ...]
