"""All of an experiment in one document, for programs."""

from collections.abc import Sequence

from core.contracts.values import Contract
from core.errors import NotFound
from core.experiments.aggregation import Comparison, Row, comparisons_of, rows_of
from core.experiments.folder import BASE, Folder
from core.experiments.grid import Cell
from core.experiments.records import BaseRun, Failure, Kept, Run


class Results(Contract):
    """What an experiment asked and found.

    Attributes:
        kept: What was asked for, with its settings and its data.
        base: How the base was made; None while it is not.
        runs: Every run that has a report: job, scores by class, curves, time, memory, versions, device.
        failures: Every run that has none and was tried.
        table: Mean and spread of the runs.
        comparisons: Who is better than whom, and whether that could be chance.
    """

    kept: Kept
    base: BaseRun | None
    runs: tuple[Run, ...]
    failures: tuple[Failure, ...]
    table: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]


def gather_results(folder: Folder) -> Results:
    """Read what a folder holds of the experiment, from whichever start it is.

    Raises:
        NotFound: The folder holds no experiment.
        CorruptArtifact: A file is not what it should be.
    """
    kept = folder.read(folder.experiment, Kept)
    if kept is None:
        raise NotFound(f"{folder.root} holds no experiment")
    cells = kept.experiment.cells()
    base = folder.read(folder.run(BASE), BaseRun)
    runs = _runs(folder, cells)
    table = rows_of(runs, base)
    return Results(
        kept=kept,
        base=base,
        runs=runs,
        failures=_failures(folder, cells),
        table=tuple(table),
        comparisons=tuple(comparisons_of(table)),
    )


def _runs(folder: Folder, cells: Sequence[Cell]) -> tuple[Run, ...]:
    read = (folder.read(folder.run(cell.key), Run) for cell in cells)
    return tuple(run for run in read if run is not None)


def _failures(folder: Folder, cells: Sequence[Cell]) -> tuple[Failure, ...]:
    keys = [BASE, *(cell.key for cell in cells)]
    read = (folder.read(folder.error(key), Failure) for key in keys)
    return tuple(failure for failure in read if failure is not None)
