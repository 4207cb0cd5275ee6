"""How methods, amounts and figures are written in tables and figures."""

from collections.abc import Mapping, Sequence
from typing import Final

from core.contracts.hyperparameters import Schedule
from core.contracts.values import TaskName, Trainable
from core.experiments.aggregation import Row, Variant
from core.experiments.statistics import Spread

SMALLEST_TOLD: Final = 0.001
"""The p-value under which the figure itself says nothing more."""

SHOTS_OF: Final[Mapping[TaskName, str]] = {TaskName.MTOD: "an intent", TaskName.QA: "in all"}
"""What a number of shots is counted by."""


def method_name(variant: Variant) -> str:
    """Return a method with what distinguishes this form of it: ``ft``, ``x-metra-ada (lora)``."""
    forms = [
        *([variant.trainable.value] if variant.trainable is not Trainable.ALL else []),
        *([variant.schedule.value] if variant.schedule is not Schedule.SEQUENTIAL else []),
    ]
    return f"{variant.method} ({', '.join(forms)})" if forms else variant.method


def amount_name(variant: Variant, task: TaskName) -> str:
    """Return what was learnt from: ``all``, ``3 an intent``, ``10 %``."""
    if variant.shots is not None:
        return f"{variant.shots} {SHOTS_OF[task]}"
    return "all" if variant.share is None else f"{100 * variant.share:g} %"


def rate(found: Spread) -> str:
    """Return a rate in per cent, with its standard deviation where there is one: ``92.9 ± 0.6``."""
    return plus_minus(
        Spread(mean=100 * found.mean, sd=None if found.sd is None else 100 * found.sd, n=found.n)
    )


def plus_minus(found: Spread, digits: int = 1) -> str:
    """Return mean ± standard deviation."""
    mean = f"{found.mean:.{digits}f}"
    return mean if found.sd is None else f"{mean} ± {found.sd:.{digits}f}"


def p_value(value: float | None) -> str:
    """Return a p-value; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.3f}" if value >= SMALLEST_TOLD else f"< {SMALLEST_TOLD}"


def languages_of(rows: Sequence[Row]) -> list[str]:
    """Return the languages of rows, in their order."""
    return list(dict.fromkeys(row.language for row in rows))


def metrics_of(rows: Sequence[Row]) -> list[str]:
    """Return the metrics of rows; all have the same."""
    return list(rows[0].metrics) if rows else []
