"""Figures of the paper for an experiment, as PNG and SVG.

Colours are those of Okabe and Ito, which are distinguishable with any kind of colour vision; markers and
dashes are redundant with them. Equal results give byte-identical SVG files.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.contracts.values import Method
from core.experiments.aggregation import Row, Variant, variant_of
from core.experiments.curves import Line, learning_curve, sweep_line
from core.experiments.folder import Folder
from core.experiments.formatting import languages_of, method_name, metrics_of
from core.experiments.grid import FULL_SHARE, METHODS, PRE, Cell
from core.experiments.results import Results
from core.system.atomic_files import atomic_file
from core.tasks.registry import task_spec

PANEL_INCHES: Final = (4.0, 3.0)
DOTS_PER_INCH: Final = 150
NAMES_PER_PANEL: Final = 2
"""Columns of the legend per column of panels."""
NAME_INCHES: Final = 0.25
"""Height of a line of the legend, which is below all panels."""

STYLES: Final[dict[str, tuple[str, str]]] = {
    PRE: ("#000000", ""),
    Method.MONO: ("#E69F00", "s"),
    Method.FT: ("#0072B2", "o"),
    Method.FT_EN: ("#56B4E9", "^"),
    Method.X_METRA: ("#CC79A7", "D"),
    Method.X_METRA_ADA: ("#D55E00", "v"),
}
"""Method → colour and marker."""

DASHES: Final = ("-", "--", "-.", ":")
"""Line styles of a method's variants, which differ in trainable tensors or schedule."""

SALT: Final = "xmetra"
"""Salt of the ids of SVG elements, which matplotlib makes from random numbers by default."""


@dataclass(frozen=True, slots=True)
class FigureSpec:
    """Specification of a figure.

    Attributes:
        name: Stem of the file names.
        title: Title.
        applies_to: Returns whether the results have data for the figure.
        draw: Draws the figure.
    """

    name: str
    title: str
    applies_to: Callable[[Results], bool]
    draw: Callable[[Results], Figure]


def write_figures(results: Results, folder: Folder) -> None:
    """Draw the figures for which there are results, each as PNG and SVG."""
    folder.figures.mkdir(parents=True, exist_ok=True)
    for spec in FIGURES:
        if spec.applies_to(results):
            figure = spec.draw(results)
            for kind in ("png", "svg"):
                _save(figure, folder, spec.name, kind)


def _save(figure: Figure, folder: Folder, name: str, kind: str) -> None:
    # By default matplotlib writes the date into an SVG.
    metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {}
    with atomic_file(folder.figures / f"{name}.{kind}") as temporary, mpl.rc_context({"svg.hashsalt": SALT}):
        figure.savefig(temporary, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)


def _panels(rows: int, columns: int) -> tuple[Figure, Any]:
    """Return a figure and its panels, [rows, columns]."""
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _with_legend(figure: Figure, panels: Any) -> Figure:  # noqa: ANN401  an array of `Axes`
    """Add a common legend, with each line once, below all panels, [rows, columns]."""
    lines: dict[str, Any] = {}
    for axes in panels.flat:
        handles, labels = axes.get_legend_handles_labels()
        lines |= dict(zip(labels, handles, strict=True))
    columns = NAMES_PER_PANEL * panels.shape[1]
    figure.set_figheight(figure.get_figheight() + NAME_INCHES * math.ceil(len(lines) / columns))
    figure.legend(list(lines.values()), list(lines), loc="outside lower center", ncols=columns)
    return figure


def _dashes_of(variants: Sequence[Variant]) -> dict[Variant, str]:
    """Return variant → line style, which is different for each variant of a method."""
    dashes: dict[Variant, str] = {}
    for _, group in groupby(variants, key=lambda variant: variant.method):
        dashes |= {variant: DASHES[index % len(DASHES)] for index, variant in enumerate(group)}
    return dashes


def _distinct_in_order(variants: Iterator[Variant]) -> list[Variant]:
    """Return the distinct variants in the order of the paper's methods."""
    order = [PRE, *METHODS]
    return sorted(dict.fromkeys(variants), key=lambda variant: order.index(variant.method))


def _learning_curves(results: Results) -> Figure:
    """Draw losses over steps for the largest amount of data, a panel per language (the paper's figure 4)."""
    largest = max(_amount_order(run.cell) for run in results.runs)
    runs = [run for run in results.runs if _amount_order(run.cell) == largest]
    languages = list(dict.fromkeys(run.cell.language for run in runs))
    variants = _distinct_in_order(variant_of(run.cell) for run in runs)
    dashes = _dashes_of(variants)
    figure, panels = _panels(1, len(languages))
    for axes, language in zip(panels[0], languages, strict=True):
        for variant in variants:
            own = [run for run in runs if run.cell.language == language and variant_of(run.cell) == variant]
            if (line := learning_curve(own)) is not None:
                _draw_band(axes, line, variant, dashes[variant])
        axes.set(title=language, xlabel="optimiser steps", ylabel="loss (nats; of queries in meta-learning)")
    return _with_legend(figure, panels)


def _amount_order(cell: Cell) -> tuple[float, int]:
    """Return the sort key of an amount of data: shots first, then shares, then all of the data."""
    if cell.shots is not None:
        return 0.0, cell.shots
    return FULL_SHARE if cell.share is None else cell.share, 0


def _draw_band(axes: Axes, line: Line, variant: Variant, dashes: str) -> None:
    """Draw a mean with a band of one standard deviation."""
    colour, _ = STYLES[variant.method]
    axes.plot(line.x, line.mean, color=colour, linestyle=dashes, label=method_name(variant))
    low, high = line.mean - line.sd, line.mean + line.sd
    axes.fill_between(line.x, low, high, color=colour, alpha=0.15, linewidth=0)


def _shots(results: Results) -> Figure:
    """Draw scores over shots (the paper's figures 5 and 6)."""
    rows = [row for row in results.table if row.variant.shots is not None]
    amounts = {row.variant: float(row.variant.shots or 0) for row in rows}
    unit = task_spec(results.manifest.experiment.task).experiments.shots_unit
    return _sweep(results, rows, amounts, f"few-shot examples {unit}")


def _shares(results: Results) -> Figure:
    """Draw scores over the share of the few-shot data, up to all of it (the paper's figure 7)."""
    rows = [row for row in results.table if row.variant.shots is None and row.variant.method != PRE]
    amounts = {row.variant: 100 * (1.0 if row.variant.share is None else row.variant.share) for row in rows}
    return _sweep(results, rows, amounts, "share of the few-shot data (%)")


def _sweep(results: Results, rows: Sequence[Row], amounts: dict[Variant, float], label: str) -> Figure:
    """Draw every metric of every language over the amount of data, one panel each."""
    languages, metrics = languages_of(rows), metrics_of(rows)
    figure, panels = _panels(len(languages), len(metrics))
    variants = _distinct_in_order(_without_amount(row.variant) for row in rows)
    dashes = _dashes_of(variants)
    for language, panel_row in zip(languages, panels, strict=True):
        for metric, axes in zip(metrics, panel_row, strict=True):
            for variant in variants:
                own = [
                    row
                    for row in rows
                    if row.language == language and _without_amount(row.variant) == variant
                ]
                if own:
                    _draw_points(axes, sweep_line(own, metric, amounts), variant, dashes[variant])
            _draw_base(axes, results, language, metric)
            axes.set(title=language, xlabel=label, ylabel=f"{metric} (%)")
            axes.set_xticks(sorted(set(amounts.values())))
    return _with_legend(figure, panels)


def _without_amount(variant: Variant) -> Variant:
    return variant.model_copy(update={"shots": None, "share": None})


def _draw_points(axes: Axes, line: Line, variant: Variant, dashes: str) -> None:
    """Draw means connected by a line, with error bars of one standard deviation."""
    colour, marker = STYLES[variant.method]
    name = method_name(variant)
    axes.errorbar(
        line.x, line.mean, yerr=line.sd, label=name, color=colour, marker=marker, linestyle=dashes, capsize=3
    )


def _draw_base(axes: Axes, results: Results, language: str, metric: str) -> None:
    """Draw the score of the zero-shot base as a horizontal line."""
    for row in results.table:
        if row.variant.method == PRE and row.language == language:
            colour, _ = STYLES[PRE]
            axes.axhline(100 * row.metrics[metric].mean, color=colour, linestyle=":", label=PRE)


FIGURES: Final = (
    FigureSpec(
        "learning-curves",
        "Loss over steps: mean over seeds, and its standard deviation",
        lambda results: bool(results.runs),
        _learning_curves,
    ),
    FigureSpec(
        "shots",
        "Scores over shots: mean over draws, and its standard deviation",
        lambda results: any(row.variant.shots is not None for row in results.table),
        _shots,
    ),
    FigureSpec(
        "downsampling",
        "Scores over the share of the few-shot data: mean over draws, and its standard deviation",
        lambda results: any(row.variant.share is not None for row in results.table),
        _shares,
    ),
)
"""Figures in the order of the paper."""
