"""Tables of an experiment: its runs, and its results."""

from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from core.contracts.values import TaskName
from core.experiments.aggregation import Row
from core.experiments.formatting import amount_name, format_percent, method_name, metrics_of
from core.experiments.grid import Cell


def cells_table(cells: Sequence[Cell], examples: Mapping[str, int], states: Mapping[str, str]) -> Table:
    """Return a table with a row for each run.

    Args:
        cells: The runs.
        examples: Key of a run → number of its training examples.
        states: Key of a run → its state, such as "to do".
    """
    table = Table(header_style="bold", box=None, pad_edge=False)
    table.add_column("run", no_wrap=True)
    table.add_column("examples", justify="right")
    table.add_column("state")
    for cell in cells:
        table.add_row(escape(cell.key), str(examples[cell.key]), states[cell.key])
    return table


def rows_table(rows: Sequence[Row], task: TaskName) -> Table:
    """Return a table of mean and standard deviation of every metric, a row for each language and method."""
    table = Table(header_style="bold")
    for heading in ("language", "examples", "method"):
        table.add_column(heading)
    for heading in ("runs", *metrics_of(rows)):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        variant = (row.language, amount_name(row.variant, task), method_name(row.variant))
        rates = (format_percent(spread) for spread in row.metrics.values())
        table.add_row(*map(escape, variant), str(row.runs), *rates)
    return table
