"""What an experiment keeps of itself and of each run."""

from datetime import datetime

from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.reports import Report
from core.contracts.values import Contract
from core.experiments.grid import Cell, Experiment


class Kept(Contract):
    """An experiment that has begun.

    Attributes:
        experiment: All that was asked for since, however often it was started.
        hyperparameters: Of every adaptation, but for what the grid changes.
        base_settings: Of the base.
        data: File → SHA-256.
    """

    experiment: Experiment
    hyperparameters: Hyperparameters
    base_settings: PretrainSettings
    data: dict[str, str]


class BaseRun(Contract):
    """How the base was made."""

    job: PretrainJob
    report: Report


class Run(Contract):
    """One run of the grid.

    Attributes:
        cell: Its place in the grid.
        job: What was done, with every hyperparameter and the ids of the data.
        report: What came of it.
    """

    cell: Cell
    job: AdaptJob
    report: Report


class Failed(Contract):
    """Why a job has no report.

    Attributes:
        kind: The name of the error.
        reason: What it says.
    """

    kind: str
    reason: str


class Failure(Contract):
    """A run that has no report; it is tried again when the experiment is started again.

    Attributes:
        key: The run's.
        cell: Its place in the grid; None of the base.
    """

    key: str
    cell: Cell | None
    failed: Failed
    at: datetime
