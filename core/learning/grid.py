"""The settings of plain training that tuning tries. Torch-free, so that the api can plan."""

from collections.abc import Iterator
from itertools import product
from typing import Final

from core.contracts.hyperparameters import FineTuneSettings

RATES: Final = (0.5, 1.0, 2.0)
LENGTHS: Final = (1.0, 2.0)
"""What the rates and the steps are multiplied with, around settings that were measured."""

HELD_SHARE: Final = 0.2
"""Of the few-shot examples, to choose on; then all of them are trained on."""


def grid(settings: FineTuneSettings) -> Iterator[FineTuneSettings]:
    """Yield the settings to try; the shortest first, so that of equals the quickest is kept."""
    for length, rate in product(LENGTHS, RATES):
        changes = {
            "encoder_lr": min(1.0, settings.encoder_lr * rate),
            "heads_lr": min(1.0, settings.heads_lr * rate),
            "epochs": settings.epochs * length,
            "min_steps": round(settings.min_steps * length),
        }
        yield settings.model_copy(update=changes)
