"""How an experiment looks: what it will run, and what came of it."""

from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from core.contracts.values import TaskName
from core.experiments.aggregation import Row
from core.experiments.grid import Cell
from core.experiments.labels import amount_name, method_name, metrics_of, rate


def cells_table(cells: Sequence[Cell], examples: Mapping[str, int], states: Mapping[str, str]) -> Table:
    """Return a line for each run.

    Args:
        cells: The runs.
        examples: Run → how many examples it learns from.
        states: Run → whether it was done before.
    """
    table = Table(header_style="bold", box=None, pad_edge=False)
    table.add_column("run", no_wrap=True)
    table.add_column("examples", justify="right")
    table.add_column("state")
    for cell in cells:
        table.add_row(escape(cell.key), str(examples[cell.key]), states[cell.key])
    return table


def rows_table(rows: Sequence[Row], task: TaskName) -> Table:
    """Return mean and standard deviation of every metric, a line for each language and method."""
    table = Table(header_style="bold")
    for heading in ("language", "examples", "method"):
        table.add_column(heading)
    for heading in ("runs", *metrics_of(rows)):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        told = (row.language, amount_name(row.variant, task), method_name(row.variant))
        rates = (rate(found) for found in row.metrics.values())
        table.add_row(*map(escape, told), str(row.runs), *rates)
    return table
