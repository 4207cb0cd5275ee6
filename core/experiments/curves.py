"""Lines of figures, computed from runs: learning curves and sweeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.contracts.reports import Report
from core.experiments.aggregation import Row, Variant
from core.experiments.records import Run
from core.experiments.statistics import Spread

LOSSES: Final = ("loss", "query_loss")
"""Metric of a step that is plotted: the loss of fine-tuning, or the query loss of meta-learning."""

SMOOTHING_WINDOWS: Final = 20
"""A point is the mean over 1 / this of a run, because the losses of single batches are noisy."""

POINTS: Final = 100
"""Number of points of a learning curve; runs are interpolated, since their steps may differ."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """Mean and standard deviation along an axis.

    Attributes:
        x: [points].
        mean: [points].
        sd: [points]; zero if there is only one run.
    """

    x: Floats
    mean: Floats
    sd: Floats


def learning_curve(runs: Sequence[Run]) -> Line | None:
    """Return the loss over the steps of all stages, averaged over runs.

    Runs with different numbers of steps are stretched to the same length.

    Returns:
        The curve, or None if the runs have no losses.
    """
    curves = [curve for run in runs if len((curve := _losses(run.report))[0])]
    if not curves:
        return None
    shares = np.linspace(0, 1, POINTS)
    steps = np.mean([np.interp(shares, np.linspace(0, 1, len(x)), x) for x, _ in curves], axis=0)
    losses = np.array([np.interp(shares, np.linspace(0, 1, len(y)), y) for _, y in curves])
    sd = np.std(losses, axis=0, ddof=1) if len(curves) > 1 else np.zeros(POINTS)
    return Line(steps, np.mean(losses, axis=0), sd)


def _losses(report: Report) -> tuple[Floats, Floats]:
    """Return the steps, counted over all stages, and the smoothed losses."""
    stages = [stage.name for stage in report.plan.stages] if report.plan else []
    steps: list[float] = []
    losses: list[float] = []
    for stage in stages:
        before = steps[-1] if steps else 0.0
        for point in report.curves:
            values = [point.metrics[name] for name in LOSSES if name in point.metrics]
            if point.stage == stage and values:
                steps.append(before + point.step)
                losses.append(values[0])
    return _smoothed(steps), _smoothed(losses)


def _smoothed(values: Sequence[float]) -> Floats:
    """Return moving averages; there are width - 1 fewer of them than values."""
    if not values:
        return np.zeros(0)
    width = max(1, len(values) // SMOOTHING_WINDOWS)
    return np.convolve(values, np.full(width, 1 / width), mode="valid")


def sweep_line(rows: Sequence[Row], metric: str, amounts: dict[Variant, float]) -> Line:
    """Return a metric in per cent over the amount of data.

    Args:
        rows: Rows of one language and one method.
        metric: Name of the metric.
        amounts: Variant → its position on the axis.
    """
    ordered = sorted(rows, key=lambda row: amounts[row.variant])
    spreads: list[Spread] = [row.metrics[metric] for row in ordered]
    return Line(
        np.array([amounts[row.variant] for row in ordered]),
        100 * np.array([spread.mean for spread in spreads]),
        100 * np.array([spread.sd or 0.0 for spread in spreads]),
    )
