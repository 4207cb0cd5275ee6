"""How far the confidences of a model can be believed, and what was done about it."""

from typing import Annotated, Final

from pydantic import Field

from core.contracts.values import Contract

Temperature = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Temperatures(Contract):
    """What scores are divided by before they become confidences; 1 leaves them as the model has them."""

    intents: Temperature = 1.0
    slots: Temperature = 1.0


PLAIN: Final = Temperatures()
"""Of a model that was not calibrated."""


class Calibrated(Contract):
    """The confidences of one kind of answer.

    Attributes:
        temperature: Fitted on all of the examples; 1 where they are too few, or did not help each other.
        examples: Held-out utterances it was fitted on.
        answers: Confidences that the errors were measured on: an intent an utterance, or the slots found.
        ece_before: Expected calibration error of the model as it is, 0 to 1; None where nothing is to be
            measured, or too little.
        ece_after: The same at a temperature that was fitted on other examples than it is measured on;
            `ece_before` where the temperature stays 1.
        note: Why the temperature is 1, or what else is to be known of it.
    """

    temperature: Temperature = 1.0
    examples: int
    answers: int = 0
    ece_before: float | None = None
    ece_after: float | None = None
    note: str | None = None


class Calibration(Contract):
    """The confidences of a model, on held-out examples."""

    intents: Calibrated
    slots: Calibrated

    @property
    def temperatures(self) -> Temperatures:
        """What is kept with the checkpoint."""
        return Temperatures(intents=self.intents.temperature, slots=self.slots.temperature)
