"""What every prediction has, whatever the task."""

from core.contracts.values import Contract, LanguageTag, OwnId


class PredictionInput(Contract):
    """What a prediction is made for; each task has a subclass.

    Attributes:
        id: The caller's own identifier, returned with the prediction.
        language: BCP-47 tag of the language; without it, the request's.
    """

    id: OwnId | None = None
    language: LanguageTag | None = None

    @classmethod
    def from_shorthand(cls, value: object) -> object:
        """Expand a shorthand for an input, such as a bare string; other values are returned unchanged."""
        return value


class Prediction(Contract):
    """The prediction for one input; each task has a subclass.

    Attributes:
        id: The caller's own identifier of the input.
        language: BCP-47 tag of the language that was predicted in.
        adapted: Whether the model was trained on this language; if not, the base answers zero-shot.
    """

    id: str | None = None
    language: LanguageTag
    adapted: bool
