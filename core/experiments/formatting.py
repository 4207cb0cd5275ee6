"""Labels of methods, amounts of data and numbers in tables and figures."""

from collections.abc import Sequence
from typing import Final

from core.contracts.hyperparameters import Schedule
from core.contracts.values import TaskName, Trainable
from core.experiments.aggregation import Row, Variant
from core.experiments.statistics import Spread
from core.tasks.registry import task_spec

SMALLEST_P_VALUE: Final = 0.001
"""P-value below which the number itself is not printed."""


def method_name(variant: Variant) -> str:
    """Return the label of a variant: ``ft``, ``x-metra-ada (lora)``."""
    details = [
        *([variant.trainable.value] if variant.trainable is not Trainable.ALL else []),
        *([variant.schedule.value] if variant.schedule is not Schedule.SEQUENTIAL else []),
    ]
    return f"{variant.method} ({', '.join(details)})" if details else variant.method


def amount_name(variant: Variant, task: TaskName) -> str:
    """Return the label of an amount of data: ``all``, ``3 an intent``, ``10 %``."""
    if variant.shots is not None:
        return f"{variant.shots} {task_spec(task).experiments.shots_unit}"
    return "all" if variant.share is None else f"{100 * variant.share:g} %"


def format_percent(rate: Spread) -> str:
    """Return a rate in per cent, with its standard deviation if it has one: ``92.9 ± 0.6``."""
    return format_spread(
        Spread(mean=100 * rate.mean, sd=None if rate.sd is None else 100 * rate.sd, n=rate.n)
    )


def format_spread(spread: Spread, digits: int = 1) -> str:
    """Return mean ± standard deviation."""
    mean = f"{spread.mean:.{digits}f}"
    return mean if spread.sd is None else f"{mean} ± {spread.sd:.{digits}f}"


def format_p_value(value: float | None) -> str:
    """Return a p-value as text; a dash for None."""
    if value is None:
        return "–"
    return f"{value:.3f}" if value >= SMALLEST_P_VALUE else f"< {SMALLEST_P_VALUE}"


def languages_of(rows: Sequence[Row]) -> list[str]:
    """Return the distinct languages of rows in their order."""
    return list(dict.fromkeys(row.language for row in rows))


def metrics_of(rows: Sequence[Row]) -> list[str]:
    """Return the names of the metrics of rows, which are the same for all rows."""
    return list(rows[0].metrics) if rows else []
