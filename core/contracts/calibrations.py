"""Calibration of confidences: temperatures, and the errors before and after."""

from typing import Annotated, Final

from pydantic import Field

from core.contracts.values import Contract

Temperature = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Temperatures(Contract):
    """Divisors of a model's scores before they become confidences; 1 leaves the scores unchanged.

    Attributes:
        intents: Temperature of the intents, above 0.
        slots: Temperature of the slots, above 0.
    """

    intents: Temperature = 1.0
    slots: Temperature = 1.0


PLAIN: Final = Temperatures()
"""The temperatures of a model that was not calibrated."""


class Calibrated(Contract):
    """The confidences of one kind of answer.

    Attributes:
        temperature: Temperature fitted on all held-out utterances; 1 if they are too few, or if a fitted one
            did not reduce the error under cross-validation.
        examples: Number of held-out utterances that the temperature was fitted on.
        answers: Number of confidences that the errors were measured on: one intent for each utterance, or
            the predicted slots.
        ece_before: Expected calibration error at temperature 1, 0 to 1; null if there are too few answers.
        ece_after: Expected calibration error at a temperature that was fitted on other examples than it is
            measured on, 0 to 1; equal to `ece_before` if the temperature is 1.
        note: Why the temperature is 1, or another limit of the measurement.
    """

    temperature: Temperature = 1.0
    examples: int
    answers: int = 0
    ece_before: float | None = None
    ece_after: float | None = None
    note: str | None = None


class Calibration(Contract):
    """Calibration of a model, on held-out examples.

    Attributes:
        intents: Calibration of the intents' confidences.
        slots: Calibration of the slots' confidences.
    """

    intents: Calibrated
    slots: Calibrated

    @property
    def temperatures(self) -> Temperatures:
        """The temperatures that are stored with the checkpoint."""
        return Temperatures(intents=self.intents.temperature, slots=self.slots.temperature)
