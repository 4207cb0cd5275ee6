"""Results of an experiment: all runs and tables in a single document."""

from collections.abc import Sequence

from pydantic import ConfigDict, Field

from core.contracts.values import Contract
from core.errors import NotFound
from core.experiments.aggregation import Comparison, Row, comparisons_of, rows_of
from core.experiments.folder import BASE_RUN, Folder
from core.experiments.grid import Cell
from core.experiments.records import BaseRun, ExperimentManifest, Failure, Run


class Results(Contract):
    """Results of an experiment.

    Attributes:
        manifest: The experiment with its settings and data.
        base: The run that trained the base; None before it is finished.
        runs: Finished runs: job, scores by class, curves, time, memory, versions, device.
        failures: Failed runs.
        table: Means and standard deviations over runs.
        comparisons: Differences between methods, and their significance.
    """

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    manifest: ExperimentManifest = Field(alias="kept")
    base: BaseRun | None
    runs: tuple[Run, ...]
    failures: tuple[Failure, ...]
    table: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]


def gather_results(folder: Folder) -> Results:
    """Read and aggregate the runs of all starts of an experiment.

    Raises:
        NotFound: The folder has no experiment.
        CorruptArtifact: A file cannot be read.
    """
    manifest = folder.read(folder.experiment, ExperimentManifest)
    if manifest is None:
        raise NotFound(f"{folder.root} holds no experiment")
    cells = manifest.experiment.cells()
    base = folder.read(folder.run(BASE_RUN), BaseRun)
    runs = _runs(folder, cells)
    table = rows_of(runs, base)
    return Results(
        manifest=manifest,
        base=base,
        runs=runs,
        failures=_failures(folder, cells),
        table=tuple(table),
        comparisons=tuple(comparisons_of(table)),
    )


def _runs(folder: Folder, cells: Sequence[Cell]) -> tuple[Run, ...]:
    runs = (folder.read(folder.run(cell.key), Run) for cell in cells)
    return tuple(run for run in runs if run is not None)


def _failures(folder: Folder, cells: Sequence[Cell]) -> tuple[Failure, ...]:
    keys = [BASE_RUN, *(cell.key for cell in cells)]
    failures = (folder.read(folder.error(key), Failure) for key in keys)
    return tuple(failure for failure in failures if failure is not None)
