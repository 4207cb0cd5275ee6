"""How an experiment looks in a terminal."""

import io

from rich.console import Console
from rich.table import Table

from app.cli.rendering.experiments import cells_table, rows_table
from core.contracts.values import Method, TaskName
from core.experiments.aggregation import rows_of
from core.experiments.grid import Cell
from tests.core.experiments.made_up import base, run


def lines_of(table: Table) -> list[str]:
    """Return what a wide terminal shows, a line each, white space joined."""
    file = io.StringIO()
    Console(file=file, width=200).print(table)
    return [" ".join(line.split()) for line in file.getvalue().splitlines()]


def test_a_run_is_listed_with_its_examples_and_whether_it_was_done() -> None:
    cell = Cell(language="es", method=Method.FT, seed=42)
    told = lines_of(cells_table([cell], {cell.key: 120}, {cell.key: "to do"}))
    assert told == ["run examples state", "es.ft.full.seed-42 120 to do"]


def test_a_language_and_method_is_told_with_means_and_spreads() -> None:
    runs = [run("ft", 42, 0.8, shots=3), run("ft", 35, 0.9, shots=3)]
    told = lines_of(rows_table(rows_of(runs, base()), TaskName.MTOD))
    assert "│ es │ 3 an intent │ ft │ 2 │ 85.0 ± 7.1 │ 50.0 ± 0.0 │ 25.0 ± 0.0 │" in told
    assert "│ es │ all │ pre │ 1 │ 30.0 │ 50.0 │ 25.0 │" in told
