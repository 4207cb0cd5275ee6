"""Runs as the lines of a figure."""

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
"""What is drawn of a step: of plain training its loss, of meta-learning the loss of the queries."""

SMOOTHED: Final = 20
"""A point is the mean over this part of a run: single batches say little."""

POINTS: Final = 100
"""Of the line of a method, where its runs need not have had steps in common."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """A mean and its spread along an axis.

    Attributes:
        x: [points].
        mean: [points].
        sd: [points]; zero where there is only one run.
    """

    x: Floats
    mean: Floats
    sd: Floats


def learning_curve(runs: Sequence[Run]) -> Line | None:
    """Return the loss over the steps of all stages, as the mean over runs.

    Runs with unequal numbers of steps are laid over each other from beginning to end.

    Returns:
        None where the runs tell no loss.
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
    """Return steps, counted through all stages, and smoothed losses."""
    stages = [stage.name for stage in report.plan.stages] if report.plan else []
    steps: list[float] = []
    losses: list[float] = []
    for stage in stages:
        before = steps[-1] if steps else 0.0
        for point in report.curves:
            found = [point.metrics[name] for name in LOSSES if name in point.metrics]
            if point.stage == stage and found:
                steps.append(before + point.step)
                losses.append(found[0])
    return _smoothed(steps), _smoothed(losses)


def _smoothed(values: Sequence[float]) -> Floats:
    """Return running means; there are fewer than values by the width of a mean less one."""
    if not values:
        return np.zeros(0)
    width = max(1, len(values) // SMOOTHED)
    return np.convolve(values, np.full(width, 1 / width), mode="valid")


def sweep_line(rows: Sequence[Row], metric: str, amounts: dict[Variant, float]) -> Line:
    """Return a metric in per cent over the amount of data.

    Args:
        rows: Of one language and one method.
        metric: Which.
        amounts: Variant → its place on the axis.
    """
    ordered = sorted(rows, key=lambda row: amounts[row.variant])
    spreads: list[Spread] = [row.metrics[metric] for row in ordered]
    return Line(
        np.array([amounts[row.variant] for row in ordered]),
        100 * np.array([found.mean for found in spreads]),
        100 * np.array([found.sd or 0.0 for found in spreads]),
    )
