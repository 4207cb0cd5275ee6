"""The settings of plain training that tuning tries. Torch-free, so that the api can plan.

First the rate is chosen, then whether training longer at that rate is better: four trials that take five
times the training, where all pairs of a rate and a length would take nine times.
"""

from typing import Final

from core.contracts.hyperparameters import FineTuneSettings

RATES: Final = (0.5, 1.0, 2.0)
LENGTH: Final = 2.0
"""What the rates, and then the steps, are multiplied with, around settings that were measured."""

TRIALS_COST: Final = len(RATES) + LENGTH
"""All trials, beside one training with the settings as they are."""

HELD_SHARE: Final = 0.2
"""Of the few-shot examples, to choose on; then all of them are trained on."""


def rates(settings: FineTuneSettings) -> list[FineTuneSettings]:
    """Return the settings with each rate that is tried."""
    return [
        settings.model_copy(
            update={
                "encoder_lr": min(1.0, settings.encoder_lr * rate),
                "heads_lr": min(1.0, settings.heads_lr * rate),
            }
        )
        for rate in RATES
    ]


def longer(settings: FineTuneSettings) -> FineTuneSettings:
    """Return the settings for the longer training that is tried."""
    return settings.model_copy(
        update={
            "epochs": settings.epochs * LENGTH,
            "min_steps": round(settings.min_steps * LENGTH),
        }
    )
