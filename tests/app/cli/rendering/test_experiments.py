"""Tables of an experiment."""

import io

from rich.console import Console
from rich.table import Table

from app.cli.rendering.experiments import cells_table, rows_table
from core.contracts.values import MTOD, Method
from core.experiments.aggregation import rows_of
from core.experiments.grid import Cell
from tests.core.experiments.synthetic_runs import base, run


def lines_of(table: Table) -> list[str]:
    """Return the lines of a table on a wide terminal, with runs of spaces collapsed."""
    output = io.StringIO()
    Console(file=output, width=200).print(table)
    return [" ".join(line.split()) for line in output.getvalue().splitlines()]


def test_cells_table_lists_examples_and_state_of_a_run() -> None:
    cell = Cell(language="es", method=Method.FT, seed=42)
    lines = lines_of(cells_table([cell], {cell.key: 120}, {cell.key: "to do"}))
    assert lines == ["run examples state", "es.ft.full.seed-42 120 to do"]


def test_rows_table_shows_means_and_standard_deviations() -> None:
    runs = [run("ft", 42, 0.8, shots=3), run("ft", 35, 0.9, shots=3)]
    lines = lines_of(rows_table(rows_of(runs, base()), MTOD))
    assert "│ es │ 3 an intent │ ft │ 2 │ 85.0 ± 7.1 │ 50.0 ± 0.0 │ 25.0 ± 0.0 │" in lines
    assert "│ es │ all │ pre │ 1 │ 30.0 │ 50.0 │ 25.0 │" in lines
