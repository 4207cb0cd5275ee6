"""Search grid of hyperparameter tuning for fine-tuning. Torch-free, so that the API can plan.

The learning rate is selected first, then whether training longer at that rate is better: four trials that
take five times the training, whereas all pairs of a rate and a length would take nine times.
"""

from typing import Final

from core.contracts.hyperparameters import FineTuneSettings

RATES: Final = (0.5, 1.0, 2.0)
LENGTH: Final = 2.0
"""Factors of the learning rates, and then of the steps, around settings that were measured."""

TRIALS_COST: Final = len(RATES) + LENGTH
"""Cost of all trials, in trainings with the unchanged settings."""

HELD_OUT_SHARE: Final = 0.2
"""Share of the few-shot examples that trials are evaluated on; the final training uses all of them."""


def rate_candidates(settings: FineTuneSettings) -> list[FineTuneSettings]:
    """Return the settings with each learning rate of the grid."""
    return [
        settings.model_copy(
            update={
                "encoder_lr": min(1.0, settings.encoder_lr * rate),
                "heads_lr": min(1.0, settings.heads_lr * rate),
            }
        )
        for rate in RATES
    ]


def longer_candidate(settings: FineTuneSettings) -> FineTuneSettings:
    """Return the settings for the longer training of the grid."""
    return settings.model_copy(
        update={
            "epochs": settings.epochs * LENGTH,
            "min_steps": round(settings.min_steps * LENGTH),
        }
    )
